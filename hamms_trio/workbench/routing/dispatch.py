"""Requests that the workbench makes to itself, for the request lab and replays, without a connection."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import isawaitable
from typing import cast

import trio

from hamms_trio.errors import RequestError
from hamms_trio.http import FileBody, GivenAway, Request, Response, Service, error
from hamms_trio.http.routes.refusals import internal_error, refusal
from hamms_trio.wire import RequestHead, parse_head
from hamms_trio.workbench.live.recorder import INTERNAL
from hamms_trio.workbench.routing.received import MAX_ANSWER_OCTETS, SENDERS_FIELDS, Pair

logger = logging.getLogger(__name__)

MAX_HOPS = 4  # of nested requests; a request may replay itself
ENDLESS_SECONDS = 30.0  # for a body that does not end, such as an event stream


TOO_NESTED = error(
    508, "loop_detected", f"more than {MAX_HOPS} requests of the workbench are nested"
)
_depth: ContextVar[int] = ContextVar("depth", default=0)


@dataclass(frozen=True, slots=True)
class InnerAnswer:
    """The answer to a request of our own. ``truncated`` is True if the body is incomplete."""

    status: int
    fields: tuple[Pair, ...]
    body: bytes
    truncated: bool = False


def hops() -> int:
    """Return the nesting depth of the current request."""
    return _depth.get()


def enter(depth: int) -> None:
    """Record the nesting depth of this task's request, which came back over the network."""
    if depth > _depth.get():
        _depth.set(depth)


async def dispatch(
    service: Service,
    method: str,
    target: str,
    fields: Iterable[Pair],
    body: bytes,
    *,
    given_away: Callable[[GivenAway], None] = lambda _: None,
) -> InnerAnswer:
    """Answer a request as if a client had sent it.

    Args:
        given_away: called with a response that would hand over the client's connection; there is none here.
    """
    depth = _depth.get()
    if depth >= MAX_HOPS:
        return await _collect(TOO_NESTED, b"-")
    token = _depth.set(depth + 1)
    try:
        return await _dispatch(service, method, target, fields, body, given_away)
    finally:
        _depth.reset(token)


async def _dispatch(
    service: Service,
    method: str,
    target: str,
    fields: Iterable[Pair],
    body: bytes,
    given_away: Callable[[GivenAway], None],
) -> InnerAnswer:
    try:
        octets = _head(method, target, fields, body)
        match = service.matcher.match(parse_head(octets))
    except RequestError as problem:
        return await _collect(refusal(problem), b"")
    except ValueError as problem:
        return InnerAnswer(400, (), str(problem).encode())
    request_id = match.given_id or service.new_id()
    request = Request(match.head, match.parameters, request_id, INTERNAL, body)
    response = match.route.fixed or await _respond(service, match.route.handler, request)
    if isinstance(response, GivenAway):
        given_away(response)
        response = response.instead
    return await _collect(response, request_id, match.head)


async def _respond(service: Service, handler: object, request: Request) -> Response:
    assert callable(handler)
    try:
        answered = handler(request)
        if isawaitable(answered):
            answered = await cast("Awaitable[Response]", answered)
        return cast(Response, answered)
    except RequestError as problem:
        return refusal(problem)
    except Exception:  # the same boundary as a connection has: a bug in one route costs one answer
        logger.exception("%s %s: bug in this route", request.method, request.path)
        return internal_error(service.account, request)


async def _collect(
    response: Response, request_id: bytes, head: RequestHead | None = None
) -> InnerAnswer:
    """Read the whole body of a response, within limits."""
    fields = (*response.sent_fields, ("X-Request-ID", request_id.decode()))
    body, truncated = response.content, False
    if isinstance(response.body, FileBody):
        body, truncated = await trio.to_thread.run_sync(_read_file, response.body)
    elif not isinstance(response.body, bytes):
        body, truncated = await _read_stream(response.body)
    if head is not None and head.method == "HEAD":
        body = b""
    return InnerAnswer(response.status, fields, body, truncated)


async def _read_stream(pieces: AsyncIterable[bytes]) -> tuple[bytes, bool]:
    body, is_complete = b"", False
    try:
        with trio.move_on_after(ENDLESS_SECONDS):
            async for piece in pieces:
                body += piece
                if len(body) > MAX_ANSWER_OCTETS:
                    break
            else:
                is_complete = True
    finally:
        aclose = getattr(pieces, "aclose", None)
        if aclose is not None:
            await aclose()
    return body[:MAX_ANSWER_OCTETS], not is_complete


def _read_file(body: FileBody) -> tuple[bytes, bool]:
    """Read the parts of a file; blocks, so that it runs in a thread."""
    octets = b""
    try:
        for piece in body.pieces:
            if isinstance(piece, bytes):
                octets += piece
            else:
                count = min(len(piece), MAX_ANSWER_OCTETS - len(octets))
                octets += os.pread(body.file.fileno(), count, piece.start)
    finally:
        body.close()
    return octets[:MAX_ANSWER_OCTETS], body.octets > MAX_ANSWER_OCTETS


def _head(method: str, target: str, fields: Iterable[Pair], body: bytes) -> bytes:
    """Write the head of a request, with our own framing fields, and with Host if there is none.

    Raises:
        ValueError: the request line or a field can't be sent.
    """
    if not _VISIBLE.fullmatch(target):
        raise ValueError(
            "the path has a blank, a control character or one beyond ASCII: percent-encode it"
        )
    lines = [f"{method} {target} HTTP/1.1"]
    sent = [(name, value) for name, value in fields if name.lower() not in SENDERS_FIELDS]
    if not any(name.lower() == "host" for name, _ in sent):
        lines.append("Host: localhost")
    for name, value in sent:
        if any(mark in f"{name}{value}" for mark in "\r\n\0"):
            raise ValueError(f"the header {name[:80]!r} has a line end or NUL")
        lines.append(f"{name}: {value}")
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", errors="replace")


_VISIBLE = re.compile(r"[\x21-\x7e]+")
