"""The document of a mock, and the rules that it must keep."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from hamms_trio.wire.grammar import FIELD_NAME
from hamms_trio.workbench.chance import ChaosSeed
from hamms_trio.workbench.mocks import templates
from hamms_trio.workbench.mocks.patterns import PathPattern
from hamms_trio.workbench.routing.documents import (
    CONTROL_CHARACTERS,
    IDENTIFIER,
    ROUTED_METHODS,
    Document,
    convert,
    method_pattern,
    show,
)
from hamms_trio.workbench.routing.problems import Problem

CODE = "invalid_mock"
MAX_HEADERS = 100
MAX_HEADER_OCTETS = 8192
MAX_EXPRESSIONS = 20

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?")
# The server frames the message and controls the connection, so it writes these fields itself.
SERVERS_FIELDS = frozenset(
    (
        "connection",
        "content-length",
        "keep-alive",
        "transfer-encoding",
        "upgrade",
        "x-request-id",
        "te",
    )
)

Delay = Annotated[float, Meta(ge=0, le=300_000, description="Milliseconds before the answer.")]
FailShare = Annotated[
    float, Meta(ge=0, le=1, description="The share of requests that `fail` strikes.")
]
Priority = Annotated[
    int, Meta(ge=-1_000_000, le=1_000_000, description="Mocks with a higher one are tried first.")
]
StatusText = Annotated[int | float | str, Meta(description="200 to 599.")]
# The patterns are for the OpenAPI document; `read_mock` checks more, with better messages.
Method = Annotated[str, Meta(extra_json_schema={"pattern": method_pattern(ROUTED_METHODS)})]
Pattern = Annotated[
    str, Meta(extra_json_schema={"pattern": r"^(/([A-Za-z0-9._~-]+|\{[a-z]+[0-9]*\})?)+$"})
]
Sequence = Annotated[list["MockStep"], Meta(max_length=1_000)]


class MockStep(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One answer of a sequence."""

    status: StatusText | None = None
    headers: dict[str, str] | None = None
    body: str | None = None
    fail: str | None = None


class Mock(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An answer for a method and a path."""

    id: str = ""
    method: Method
    path_pattern: Pattern
    status: StatusText = 200
    headers: dict[str, str] = {}
    body: str = ""
    content_type: Annotated[str, Meta(min_length=1)] = "application/json"
    created_at: str = ""
    updated_at: str = ""
    priority: Priority = 0
    query: dict[str, str] = {}
    match_headers: dict[str, str] = {}
    body_contains: str = ""
    body_json: dict[str, object] = {}
    sequence: Sequence = []
    delay_ms: Delay = 0
    fail: str = ""
    share: FailShare = 1.0
    seed: ChaosSeed | None = None

    @property
    def code(self) -> int:
        """The status as an integer, which it is in every checked mock."""
        return int(self.status)

    @property
    def has_matchers(self) -> bool:
        """True if more than the method and the path decides whether the mock answers."""
        return bool(self.query or self.match_headers or self.body_contains or self.body_json)

    @property
    def claim(self) -> tuple[object, ...]:
        """The requests that the mock is for; two mocks with the same claim are duplicates."""
        fields = sorted((name.lower(), value) for name, value in self.match_headers.items())
        asked = (sorted(self.query.items()), fields, self.body_contains, self.body_json)
        return self.method, self.path_pattern, self.priority, show(asked)


# The members that the reference has; a document has the others only if they differ from their default.
REFERENCE_MOCK_MEMBERS = frozenset(
    (
        "body",
        "content_type",
        "created_at",
        "headers",
        "id",
        "method",
        "path_pattern",
        "status",
        "updated_at",
    )
)
_MESSAGES = {
    "method": f"method must be one of {', '.join(ROUTED_METHODS)}",
    "path_pattern": "path_pattern must start with /",
    "status": "status must be an integer",
    "headers": "headers must be an object of names and texts",
    "body": "body must be a text",
    "content_type": "content_type must be a non-empty string",
}
_DEFAULTS = {
    f.name: f.default for f in msgspec.structs.fields(Mock) if f.default is not msgspec.NODEFAULT
}


def document_of(mock: Mock) -> Document:
    """Return the document that the API shows."""
    whole: Document = msgspec.to_builtins(mock)
    empty: tuple[object, ...] = ({}, [], "", None)
    return {
        name: value
        for name, value in whole.items()
        if name in REFERENCE_MOCK_MEMBERS or not (value in empty or value == _DEFAULTS.get(name))
    }


def read_mock(given: Document, *, max_body: int, check_fail: Callable[[str], object]) -> Mock:
    """Build a mock from a document.

    Args:
        max_body: the most octets of a body.
        check_fail: raises ValueError for a failure mode that can't be an answer.

    Raises:
        Problem: 400, with the field and its value.
    """
    mock = convert(given, Mock, CODE, _MESSAGES)
    mock.method = mock.method.upper()
    if mock.method not in ROUTED_METHODS:
        raise _refusal(_MESSAGES["method"], "method", given["method"])
    if mock.id and not IDENTIFIER.fullmatch(mock.id):
        raise _refusal("id must be 1 to 128 letters, digits, and . _ ~ -", "id", mock.id)
    if "status" not in given and not (mock.fail or mock.sequence):
        raise Problem(400, CODE, "status must be an integer, and it is missing")
    mock.status = _status(mock.status, "status")
    _check_answer(mock, max_body, check_fail)
    _check_matchers(mock)
    for number, step in enumerate(mock.sequence):
        _check_step(step, f"sequence[{number}]", max_body, check_fail)
    return mock


def _refusal(rule: str, name: str, value: object) -> Problem:
    return Problem(400, CODE, f"{rule}, and {name} is {show(value)}")


def _status(value: int | float | str, name: str) -> int:
    """Read a status as the reference does: a text or a fraction is cut to an integer."""
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, str):
        raise _refusal("status must be an integer", name, value)
    status = int(value)
    if not 100 <= status <= 599:
        raise _refusal("status must be between 100 and 599", name, value)
    if status < 200:
        raise _refusal("status must be final, 200 to 599", name, value)
    return status


def _check_answer(mock: Mock, max_body: int, check_fail: Callable[[str], object]) -> None:
    try:
        PathPattern(mock.path_pattern)
    except ValueError as error:
        raise _refusal(str(error), "path_pattern", mock.path_pattern) from None
    if not mock.content_type.strip():
        raise _refusal(_MESSAGES["content_type"], "content_type", mock.content_type)
    _check_fields({"Content-Type": mock.content_type}, "content_type")
    _check_fields(mock.headers, "headers")
    _check_body(mock.body, "body", max_body)
    if mock.fail:
        _check_fail(mock.fail, "fail", check_fail)


def _check_step(
    step: MockStep, name: str, max_body: int, check_fail: Callable[[str], object]
) -> None:
    if step.status is None and not step.fail:
        raise _refusal(f"{name} needs a status or a failure mode", name, msgspec.to_builtins(step))
    if step.status is not None:
        step.status = _status(step.status, f"{name}.status")
    _check_fields(step.headers or {}, f"{name}.headers")
    _check_body(step.body or "", f"{name}.body", max_body)
    if step.fail:
        _check_fail(step.fail, f"{name}.fail", check_fail)


def _check_fail(fail: str, name: str, check_fail: Callable[[str], object]) -> None:
    try:
        check_fail(fail)
    except ValueError as error:
        raise _refusal(str(error), name, fail) from None


def _check_body(body: str, name: str, max_body: int) -> None:
    octets = len(body.encode())
    if octets > max_body:
        rule = (
            f"body exceeds max mock body size: {name} has {octets} octets, the limit is {max_body}"
        )
        raise Problem(400, CODE, rule)
    _check_template(body, name)


def _check_template(text: str, name: str) -> None:
    try:
        templates.check(text)
    except ValueError as error:
        raise Problem(400, CODE, f"{name} has a bad template: {error}") from None


def _check_fields(fields: dict[str, str], name: str) -> None:
    """Refuse fields that would split the response or contradict its framing (RFC 9112 §6, §11.1)."""
    if len(fields) > MAX_HEADERS:
        raise Problem(400, CODE, f"{name} has {len(fields)} fields, the limit is {MAX_HEADERS}")
    for field, value in fields.items():
        if not FIELD_NAME.fullmatch(field):
            raise _refusal("a header's name must be a token", name, field)
        if field.lower() in SERVERS_FIELDS:
            raise _refusal("the server itself sends the fields that frame a message", name, field)
        if CONTROL_CHARACTERS.search(value) or len(value.encode()) > MAX_HEADER_OCTETS:
            rule = (
                f"a header's value has no control characters and at most {MAX_HEADER_OCTETS} octets"
            )
            raise _refusal(rule, f"{name}.{field}", value)
        _check_template(value, f"{name}.{field}")


def _check_matchers(mock: Mock) -> None:
    for name in ("query", "match_headers", "body_json"):
        asked = getattr(mock, name)
        if len(asked) > MAX_EXPRESSIONS:
            raise Problem(
                400, CODE, f"{name} has {len(asked)} members, the limit is {MAX_EXPRESSIONS}"
            )
    for expression in mock.body_json:
        try:
            templates.check_expression(expression)
        except ValueError as error:
            raise Problem(400, CODE, f"body_json: {error}") from None
