"""One call of a target, with its whole answer: the request as a document, and the answer within limits."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec
import trio
from msgspec import Meta

from hamms_trio.version import VERSION
from hamms_trio.wire.grammar import FIELD_NAME
from hamms_trio.workbench.routing.documents import (
    CONTROL_CHARACTERS,
    SENT_METHODS,
    Document,
    convert,
    method_pattern,
    show,
)
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.received import MAX_ANSWER_OCTETS, Pair
from hamms_trio.workbench.targets.client import Outgoing, TargetClient
from hamms_trio.workbench.targets.collection import Targets
from hamms_trio.workbench.targets.failing import Failing, TargetFailed
from hamms_trio.workbench.targets.fields import HOP_BY_HOP, Hops, RawField
from hamms_trio.workbench.targets.model import MAX_TIMEOUT_MS, Target

if TYPE_CHECKING:
    from hamms_trio.workbench.targets.connections import Arrived

CODE = "invalid_proxy_request"
MAX_FIELDS = 100

_VISIBLE = re.compile(r"/[\x21-\x7e]*")
_CALL_MILLISECONDS = Meta(
    gt=0, le=MAX_TIMEOUT_MS, description="Milliseconds, instead of the target's own."
)
CallTimeout = Annotated[int, _CALL_MILLISECONDS] | Annotated[float, _CALL_MILLISECONDS]


class ProxyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A request that the workbench makes to a target.

    A header with a list of values is sent once for each value.
    """

    target_id: Annotated[str, Meta(min_length=1)]
    method: Annotated[str, Meta(extra_json_schema={"pattern": method_pattern(SENT_METHODS)})] = (
        "GET"
    )
    path: Annotated[str, Meta(extra_json_schema={"pattern": r"^/[!-~]*$"})] = "/"
    headers: dict[str, str | list[str]] = {}
    body: str = ""
    body_encoding: Annotated[str, Meta(extra_json_schema={"enum": ["utf-8", "base64"]})] = "utf-8"
    timeout_ms: CallTimeout | None = None


@dataclass(frozen=True, slots=True)
class TargetAnswer:
    """The whole answer of a target."""

    status: int
    fields: tuple[Pair, ...]
    body: bytes


_MESSAGES = {
    "target_id": "target_id is required",
    "method": "invalid method",
    "path": "path must start with /",
    "headers": "headers must be object",
    "body": "body must be a text",
    "timeout_ms": f"timeout_ms must be a number of milliseconds, at most {MAX_TIMEOUT_MS}",
}


def read_call(given: Document) -> ProxyRequest:
    """Read a request to a target.

    Raises:
        Problem: 400, with the field and its value.
    """
    asked = convert(given, ProxyRequest, CODE, _MESSAGES)
    asked.method = asked.method.upper()
    if asked.method not in SENT_METHODS:
        raise _refusal(
            f"invalid method: it must be one of {', '.join(SENT_METHODS)}", "method", asked.method
        )
    if not asked.path.startswith("/"):
        raise _refusal("path must start with /", "path", asked.path)
    if not _VISIBLE.fullmatch(asked.path):
        raise _refusal("path must be visible ASCII, percent-encode the rest", "path", asked.path)
    if asked.body_encoding not in ("utf-8", "base64"):
        raise _refusal(
            "body_encoding must be utf-8 or base64", "body_encoding", asked.body_encoding
        )
    return asked


@dataclass(frozen=True, slots=True)
class TargetCalls:
    """The means to call targets: the collection, the client, and the count of hops.

    Attributes:
        publish: publishes an event with a type, a payload and a trace id.
    """

    targets: Targets
    client: TargetClient
    hops: Hops
    publish: Callable[[str, Document, str], None]

    def note(self, target: Target, method: str, path: str, status: int, trace_id: str = "") -> None:
        """Publish that a target was called."""
        payload: Document = {
            "target_id": target.id,
            "method": method,
            "path": path,
            "status": status,
        }
        self.publish("proxy.request.completed", payload, trace_id)

    async def call(self, target: Target, outgoing: Outgoing, *, seconds: float) -> TargetAnswer:
        """Call a target, and return its whole answer.

        Raises:
            Problem: 400 or 403, the request can't be sent, or not to this address.
            TargetFailed: no complete answer came within the time and the limit of octets.
        """
        deadline = trio.current_time() + seconds
        arrived = await self.client.send(target, outgoing, seconds=seconds)
        try:
            with trio.move_on_at(deadline) as scope:
                content = await _content_of(arrived)
            if scope.cancelled_caught:
                raise TargetFailed(Failing.TIMEOUT, f"no complete answer within {seconds:g} s")
            if arrived.is_followed and outgoing.method != b"HEAD":
                raise TargetFailed(Failing.MALFORMED, "octets follow beyond the declared length")
        finally:
            await arrived.aclose()
        fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in arrived.raw_fields]
        return TargetAnswer(arrived.status, tuple(fields), content)


async def _content_of(arrived: Arrived) -> bytes:
    content = bytearray()
    while piece := await arrived.receive_some():
        content += piece
        if len(content) > MAX_ANSWER_OCTETS:
            raise TargetFailed(Failing.TOO_LARGE, f"the limit is {MAX_ANSWER_OCTETS} octets")
    return bytes(content)


def outgoing_of(asked: ProxyRequest, target: Target, via: RawField) -> Outgoing:
    """Build the outgoing request from a document.

    Raises:
        Problem: 400, a field or the body can't be sent.
    """
    given = [
        (name, value)
        for name, values in asked.headers.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return outgoing_from(asked.method, asked.path, given, _content(asked), target, via)


def outgoing_from(
    method: str, path: str, given: list[Pair], content: bytes, target: Target, via: RawField
) -> Outgoing:
    """Build the outgoing request: the given fields, and required ones that are missing.

    Raises:
        Problem: 400, a field can't be sent.
    """
    if len(given) > MAX_FIELDS:
        raise Problem(400, CODE, f"headers has {len(given)} fields, the limit is {MAX_FIELDS}")
    for name, value in given:
        _check_field(name, value)
    lowered = {name.lower() for name, _ in given}
    fields = [(name.encode(), _octets(value)) for name, value in given]
    fields = [pair for pair in fields if pair[0].lower() not in _FRAMING]
    if "host" not in lowered:
        fields.insert(0, (b"Host", target.place.authority.encode()))
    if "user-agent" not in lowered:
        fields.append((b"User-Agent", f"hamms-trio/{VERSION}".encode()))
    if "accept-encoding" not in lowered:  # the answer is shown as it comes
        fields.append((b"Accept-Encoding", b"identity"))
    if content or method in ("POST", "PUT", "PATCH"):
        fields.append((b"Content-Length", b"%d" % len(content)))
    fields.append(via)
    return Outgoing(method.encode(), path.encode(), fields, content)


_FRAMING = HOP_BY_HOP | {b"content-length", b"expect"}


def _check_field(name: str, value: str) -> None:
    if not FIELD_NAME.fullmatch(name):
        raise _refusal("a header's name must be a token", "headers", name)
    if CONTROL_CHARACTERS.search(value) or value != value.strip():
        raise _refusal(
            "a header's value has neither control characters nor blanks around it",
            f"headers.{name}",
            value,
        )


def _content(asked: ProxyRequest) -> bytes:
    if asked.body_encoding == "utf-8":
        return asked.body.encode()
    try:
        return b64decode(asked.body, validate=True)
    except (Base64Error, ValueError) as error:
        raise Problem(400, CODE, f"body must be base64: {error}") from None


def _octets(value: str) -> bytes:
    """Encode a field's value as UTF-8."""
    return value.encode(errors="replace")


def _refusal(rule: str, name: str, value: object) -> Problem:
    return Problem(400, CODE, f"{rule}, and {name} is {show(value)}")
