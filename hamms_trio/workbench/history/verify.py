"""Verification: whether the expected requests came, and which request was nearest if they did not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from hamms_trio.recording.store import HistoryQuery
from hamms_trio.workbench.history.pages import PAGE, History
from hamms_trio.workbench.history.record import received
from hamms_trio.workbench.mocks.model import Pattern
from hamms_trio.workbench.mocks.patterns import PathPattern
from hamms_trio.workbench.routing.documents import Document, convert, show
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.received import ReceivedRequest
from hamms_trio.workbench.times import instant

CODE = "invalid_verification"

Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Within = Annotated[float, Meta(gt=0, le=86_400, description="Seconds before now.")]


class Criteria(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The criteria that select requests."""

    method: str | None = None
    path: Pattern | None = None
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body_contains: str = ""


class Verification(Criteria, omit_defaults=True, kw_only=True):
    """The criteria, and the expected number of requests: at least one unless the members state another."""

    times: Count | None = None
    at_least: Count | None = None
    at_most: Count | None = None
    within_seconds: Within | None = None
    in_order: list[Criteria] = []


class VerificationResult(msgspec.Struct, kw_only=True):
    """The outcome of a verification.

    Attributes:
        nearest: the record that agrees with most criteria, if the verification failed.
        message: why it failed; empty if it did not.
    """

    verified: bool
    count: int
    message: str = ""
    nearest: Document | None = None
    request_ids: list[str] = []


def read_verification(given: Document) -> Verification:
    """Read the document of a verification.

    Raises:
        Problem: 400, with the field and its value.
    """
    wanted = convert(given, Verification, CODE)
    if wanted.times is not None and (wanted.at_least is not None or wanted.at_most is not None):
        raise Problem(400, CODE, "times can't be given with at_least or at_most")
    if None not in (wanted.at_least, wanted.at_most) and wanted.at_least > wanted.at_most:  # type: ignore[operator] # neither is None
        raise Problem(
            400, CODE, f"at_least is {wanted.at_least}, more than at_most, {wanted.at_most}"
        )
    for criteria in (wanted, *wanted.in_order):
        try:
            PathPattern(criteria.path or "/")
        except ValueError as error:
            words = str(error).replace("path_pattern", "path")
            raise Problem(400, CODE, f"{words}, and path is {show(criteria.path)}") from None
    return wanted


async def verify(history: History, wanted: Verification, *, now_ms: int) -> VerificationResult:
    """Compare the history with a verification."""
    matchers = [CriteriaMatcher(wanted), *map(CriteriaMatcher, wanted.in_order)]
    records: list[Document] = []
    candidates: list[tuple[float, Document]] = []
    steps = matchers[1:]
    done = 0
    async for record in history.documents(HistoryQuery(limit=PAGE)):
        request = received(record)
        if done < len(steps) and steps[done].matches(request):
            done += 1
        if not matchers[0].misses(request) and _is_within(record, wanted, now_ms):
            records.append(record)
        else:
            candidates.append((matchers[0].distance(request), record))
            if len(candidates) > 1:
                candidates = [min(candidates, key=lambda one: one[0])]
    if done < len(steps):
        return _out_of_order(wanted, done, records)
    return _verdict(wanted, matchers[0], records, candidates[0][1] if candidates else None, now_ms)


class CriteriaMatcher:
    """Compares requests with criteria."""

    def __init__(self, criteria: Criteria) -> None:
        self._criteria = criteria
        self._pattern = PathPattern(criteria.path) if criteria.path else None

    def matches(self, request: ReceivedRequest) -> bool:
        """Return True if the request agrees with every criterion."""
        return not self.misses(request)

    def distance(self, request: ReceivedRequest) -> float:
        """Return the number of criteria that the request misses; a wrong path weighs more than all others."""
        misses = self.misses(request)
        is_elsewhere = any(words.startswith("path") for words in misses)
        shared = 0.0
        if is_elsewhere and self._criteria.path:
            shared = _shared(self._criteria.path, request.path) / (len(self._criteria.path) + 1)
        return len(misses) + (100 - shared if is_elsewhere else 0)

    def misses(self, request: ReceivedRequest) -> list[str]:
        """Return the criteria that a request does not meet, each in words."""
        wanted = self._criteria
        missed = []
        if wanted.method and wanted.method.upper() != request.method:
            missed.append(f"method is {request.method}, not {wanted.method.upper()}")
        if self._pattern and self._pattern.match(request.path) is None:
            missed.append(f"path is {request.path}, not {wanted.path}")
        missed += _missing("query", wanted.query, request.query)
        fields = {name: [value] for name, value in request.fields.items()}
        headers = {name.lower(): value for name, value in wanted.headers.items()}
        missed += _missing("header", headers, fields)
        if wanted.body_contains and wanted.body_contains.encode() not in request.body:
            text = request.body.decode(errors="replace")
            missed.append(f"body {show(text)} does not contain {show(wanted.body_contains)}")
        return missed


def describe(wanted: Verification) -> str:
    """Describe the expected requests in words."""
    parts = [wanted.method.upper() if wanted.method else "any method", wanted.path or "any path"]
    conditions = [f"query {name}={value}" for name, value in wanted.query.items()]
    conditions += [f"header {name}: {value}" for name, value in wanted.headers.items()]
    if wanted.body_contains:
        conditions.append(f"a body with {show(wanted.body_contains)}")
    if wanted.within_seconds is not None:
        conditions.append(f"within the last {wanted.within_seconds:g} s")
    return " ".join(parts) + (f" with {', '.join(conditions)}" if conditions else "")


def _missing(
    kind: str, wanted: Mapping[str, str], given: Mapping[str, Iterable[str]]
) -> Iterable[str]:
    for name, value in wanted.items():
        values = list(given.get(name, ()))
        if not values:
            yield f"{kind} {name} is missing"
        elif value not in values:
            yield f"{kind} {name} is {show(values[0])}, not {show(value)}"


def _shared(first: str, second: str) -> int:
    """Return the length of the prefix that two texts share."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _is_within(record: Document, wanted: Verification, now_ms: int) -> bool:
    if wanted.within_seconds is None:
        return True
    return instant(str(record["ts"])) >= now_ms - wanted.within_seconds * 1000


def _expected(wanted: Verification) -> tuple[int, int | None, str]:
    """Return the least and the greatest count, and both in words."""
    if wanted.times is not None:
        return wanted.times, wanted.times, f"exactly {wanted.times}"
    if wanted.at_least is None and wanted.at_most is not None:
        return 0, wanted.at_most, f"at most {wanted.at_most}"
    least = 1 if wanted.at_least is None else wanted.at_least
    words = f"at least {least}" + (
        f" and at most {wanted.at_most}" if wanted.at_most is not None else ""
    )
    return least, wanted.at_most, words


def _verdict(
    wanted: Verification,
    matcher: CriteriaMatcher,
    records: list[Document],
    nearest: Document | None,
    now_ms: int,
) -> VerificationResult:
    count = len(records)
    ids = [str(record["request_id"]) for record in records]
    least, most, words = _expected(wanted)
    if count >= least and (most is None or count <= most):
        return VerificationResult(verified=True, count=count, request_ids=ids)
    message = f"expected {words} of {describe(wanted)}, and {count} came"
    if count < least:
        message += f"; {_nearest(wanted, matcher, nearest, now_ms)}"
    else:
        nearest = records[-1]
    return VerificationResult(
        verified=False, count=count, message=message, nearest=nearest, request_ids=ids
    )


def _nearest(
    wanted: Verification, matcher: CriteriaMatcher, record: Document | None, now_ms: int
) -> str:
    if record is None:
        return "the history has no other request"
    misses = matcher.misses(received(record))
    if not _is_within(record, wanted, now_ms):
        misses.append(f"it came at {record['ts']}")
    asked = f"{record['method']} {record['path']}"
    return f"the nearest is {asked} (request {record['request_id']}): {'; '.join(misses)}"


def _out_of_order(wanted: Verification, done: int, records: list[Document]) -> VerificationResult:
    missing = Verification(**msgspec.structs.asdict(wanted.in_order[done]))
    before = (
        describe(Verification(**msgspec.structs.asdict(wanted.in_order[done - 1]))) if done else ""
    )
    after = f" after {before}" if before else ""
    message = f"in_order[{done}], {describe(missing)}, did not come{after}"
    return VerificationResult(verified=False, count=len(records), message=message)
