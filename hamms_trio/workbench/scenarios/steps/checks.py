"""The assertions of a step, and the variables that its answer gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec

from hamms_trio.workbench.history.record import combined
from hamms_trio.workbench.mocks.matching import is_same
from hamms_trio.workbench.mocks.templates import search
from hamms_trio.workbench.routing.documents import show
from hamms_trio.workbench.scenarios.document.model import Expect, Extract
from hamms_trio.workbench.scenarios.report.model import Assertion
from hamms_trio.workbench.scenarios.steps.rendering import beginning
from hamms_trio.workbench.scenarios.steps.sending import StepAnswer

MAX_JSON = 1024 * 1024  # octets of a content that is read as JSON
MAX_VALUE = 64 * 1024  # characters of a variable
SHOWN_CONTENT = 4_096  # octets of a content that an assertion shows


class Observed:
    """An answer as assertions see it; content and JSON are decoded on first use."""

    def __init__(self, answer: StepAnswer, latency_ms: float) -> None:
        self.status = answer.status
        self.latency_ms = latency_ms
        self._answer = answer

    @cached_property
    def fields(self) -> dict[str, str]:
        """Values by name in lower case."""
        return combined(self._answer.fields)

    @cached_property
    def text(self) -> str:
        return self._answer.body.decode(errors="replace")

    @cached_property
    def shown(self) -> str:
        """The beginning of the content, without credentials."""
        content_type = self.fields.get("content-type", "")
        octets, _ = beginning(self._answer.body, SHOWN_CONTENT, content_type)
        return octets.decode(errors="replace")

    @cached_property
    def json(self) -> object:
        """The content as JSON; None if it is something else, or too large."""
        if len(self._answer.body) > MAX_JSON:
            return None
        try:
            value: object = msgspec.json.decode(self._answer.body)
        except (ValueError, RecursionError):
            return None
        return value


@dataclass(frozen=True, slots=True)
class Extraction:
    """The variables that an answer gave, and an assertion for each one that it did not give."""

    values: dict[str, object]
    failures: list[Assertion]


def check(expect: Expect, seen: Observed) -> list[Assertion]:
    """Evaluate all assertions."""
    return list(_checked(expect, seen))


def extract(wanted: dict[str, Extract], seen: Observed) -> Extraction:
    """Return the values of variables."""
    values: dict[str, object] = {}
    failures: list[Assertion] = []
    for name, source in wanted.items():
        value = _found(source, seen)
        if value is None:
            failures.append(_failure(name, source, "found nothing"))
        elif len(msgspec.json.encode(value)) > MAX_VALUE:
            failures.append(_failure(name, source, f"found more than {MAX_VALUE} characters"))
        else:
            values[name] = value
    return Extraction(values, failures)


def _checked(expect: Expect, seen: Observed) -> Iterator[Assertion]:
    reason = f"status expected {expect.status} got {seen.status}"
    passed = seen.status in expect.status
    yield _assertion("status", passed, expect.status, seen.status, reason)
    for token in expect.body_contains:
        reason = f"body missing token: {token}"
        yield _assertion("body_contains", token in seen.text, token, seen.shown, reason)
    for name, value in expect.header_equals.items():
        field = seen.fields.get(name)
        reason = f"header {name} expected {value} got {field}"
        yield _assertion("header_equals", field == value, {name: value}, {name: field}, reason)
    for expression, wanted in expect.json.items():
        found = search(expression, seen.json)
        reason = f"json {expression} expected {show(wanted)} got {show(found)}"
        shown = {expression: _shortened(found)}
        yield _assertion("json", is_same(found, wanted), {expression: wanted}, shown, reason)
    if expect.max_latency_ms is not None:
        most, latency = expect.max_latency_ms, seen.latency_ms
        reason = f"latency {latency}ms exceeded {most}ms"
        yield _assertion("max_latency_ms", latency <= most, most, latency, reason)


def _assertion(type: str, passed: bool, expected: object, actual: object, reason: str) -> Assertion:
    return Assertion(type, passed, expected, actual, "" if passed else reason)


def _shortened(found: object) -> object:
    """Return a JSON value, or the beginning of its text if it is long."""
    return found if len(msgspec.json.encode(found)) <= SHOWN_CONTENT else show(found)


def _found(source: Extract, seen: Observed) -> object:
    if source.source == "status":
        return seen.status
    if source.source == "header":
        return seen.fields.get(source.path.lower())
    return search(source.path, seen.json)


def _failure(name: str, source: Extract, problem: str) -> Assertion:
    where = " ".join(filter(None, (source.source, source.path)))
    return Assertion("extract", False, name, None, reason=f"extract {name}: {where} {problem}")
