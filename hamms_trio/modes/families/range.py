"""Downloads that a client resumes, and servers that make it go wrong (RFC 9110 §14).

Each mode has the same canary of 64 KiB as its representation, with one entity tag, unless the client gives a nonce
of its own. A request without Range is answered with a beginning and a close, so that there is something to resume;
the fault is in the answer to the request with Range.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS, canary
from hamms_trio.modes.declare import on_request
from hamms_trio.modes.model.expectation import (
    Level,
    must_error,
    must_error_or_succeed,
    must_stay_bounded,
    must_succeed,
)
from hamms_trio.modes.model.parameters import Choice, Missing, Octets, Range
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead
from hamms_trio.wire.fields.ranges import Span, content_range, multipart, requested_spans

WHOLE, HALF = CANARY_OCTETS, CANARY_OCTETS // 2
FEW = 1000  # octets of each range that nobody asked for
MANY = 10_000  # parts
PARTIAL = b"HTTP/1.1 206 Partial Content"
UNSATISFIABLE = b"HTTP/1.1 416 Range Not Satisfiable"
BOUNDARY = "hamms-boundary"
LARGER = WHOLE + 4096  # octets of the representation that has come in between
# Content-Range fields that are invalid (RFC 9110 §14.4), for a part that is really there.
INVALID = {
    "last-before-first": f"bytes {WHOLE - 1}-0/{WHOLE}",
    "length-too-small": f"bytes 0-{WHOLE - 1}/100",
    "negative": f"bytes -1-{WHOLE - 2}/{WHOLE}",
    "unit-lines": f"lines 0-{WHOLE // 64 - 1}/{WHOLE // 64}",
}

Shift = Annotated[int, Range("octets", -WHOLE, WHOLE)]
Change = Annotated[str, Choice("length", "etag")]
WithLength = Annotated[str, Choice("with-length", "without-length")]
Invalid = Annotated[str, Choice(*INVALID)]
Multipart = Annotated[str, Choice("no-boundary", "no-final", "many-parts", "overlapping")]

_on_range = partial(on_request, nonce="range", decides=True)


@_on_range(
    client=must_error_or_succeed(
        "RFC 9110 §14.2, §15.3.7",
        owes="The whole file is the canary: the second body "
        "replaces the first part, and is not appended.",
    ),
    issues=("rust-lang/rustup#4710", "elizaOS/eliza#26646"),
)
async def range_ignored(peer: Peer, request: RequestHead, *, first: Octets = HALF) -> None:
    """Send ``first`` octets of the whole and close; answer a request with Range by 200 and the whole.

    The client must start again from the beginning, and not append the whole to the octets that it has.
    """
    if _asked(peer, request) is None:
        await _send_beginning(peer, first)
        return
    peer.strike()
    await peer.http.respond_with_canary(*_fields(peer), octets=WHOLE)


@_on_range(
    client=must_error_or_succeed(
        "RFC 9110 §14.4, §15.3.7", owes="No part is put at a place that is not its own."
    ),
    issues=(
        "pypa/pip#14131",
        "xroche/httrack#428",
        "jizhi0v0/duo-updater#225",
    ),
)
async def range_wrong_start(peer: Peer, request: RequestHead, *, shift: Shift = 1000) -> None:
    """Answer a request with Range by a part that begins ``shift`` octets later, as its Content-Range declares.

    The client must not put the part in the wrong place.
    """
    asked = _asked(peer, request)
    if asked is None:
        await _send_beginning(peer)
        return
    peer.strike()
    first = min(max(asked.first + shift, 0), WHOLE - 1)
    await _send_part(peer, Span(first, max(asked.last, first)))


@_on_range(
    client=must_error("RFC 9110 §15.3.7", level=Level.QUALITY),
    issues=(
        "modelscope/modelscope_hub#50",
        "tmac1973/llama-toolchest#151",
    ),
)
async def range_200_partial(peer: Peer, request: RequestHead) -> None:
    """Answer a request with Range by 200, a Content-Range and the part alone.

    The status declares the part to be the whole, so the client must neither take it for one nor append it.
    """
    asked = _asked(peer, request)
    if asked is None:
        await _send_beginning(peer)
        return
    peer.strike()
    await _send_part(peer, asked, start=b"HTTP/1.1 200 OK")


@_on_range(client=must_error("RFC 9110 §15.3.7", owes="The part is not called the whole."))
async def range_206_unasked(peer: Peer, request: RequestHead) -> None:
    """Answer a request without Range by 206 and the first half, which is not the whole.

    A request with Range is answered truthfully.
    """
    asked = _asked(peer, request)
    if asked is None:
        peer.strike()
    await _send_part(peer, asked or Span(0, HALF - 1))


@_on_range(
    client=must_error_or_succeed(
        "RFC 9110 §13.1.5", owes="A file never has parts of both versions."
    ),
    issues=("owncloud/client#2708",),
)
async def range_total_changes(peer: Peer, request: RequestHead, *, case: Change = "length") -> None:
    """Answer a request with Range, whatever its If-Range, by a part of another version.

    The part has another entity tag, and with ``case=length`` another complete length, so the client must start
    again.
    """
    asked = _asked(peer, request, heeds_if_range=False)
    if asked is None:
        await _send_beginning(peer)
        return
    peer.strike()
    whole = LARGER if case == "length" else WHOLE
    part = asked if asked.last < WHOLE - 1 else Span(asked.first, whole - 1)
    where = f"Content-Range: {content_range(part, whole)}".encode()
    head = partial(peer.http.canary_head, start=PARTIAL, octets=part.octets)
    await peer.send(head(b'ETag: "another"', b"Accept-Ranges: bytes", where))
    if request.method != "HEAD":
        await peer.send(canary("another", part.octets, start=part.first))


@_on_range(
    client=must_stay_bounded(
        "RFC 9110 §15.5.17",
        level=Level.QUALITY,
        owes="The ledger shows at most 10 requests for one call.",
    ),
    issues=("curl/curl#6740",),
)
async def range_416_loop(
    peer: Peer, request: RequestHead, *, case: WithLength = "with-length"
) -> None:
    """Answer each request with Range by 416, with or without the complete length.

    The client must not repeat the request for ever.
    """
    if _asked(peer, request) is None:
        await _send_beginning(peer)
        return
    peer.strike()
    where = (f"Content-Range: bytes */{WHOLE}".encode(),) if case == "with-length" else ()
    await peer.send(peer.http.canary_head(*where, start=UNSATISFIABLE, octets=0))


@_on_range(client=must_error("RFC 9110 §14.4"), issues=("diversen/http-send-file#4",))
async def range_invalid_content_range(
    peer: Peer, request: RequestHead, *, value: Invalid = "last-before-first"
) -> None:
    """Answer a request with Range by the part and an invalid Content-Range; the client must not combine it."""
    asked = _asked(peer, request)
    if asked is None:
        await _send_beginning(peer)
        return
    peer.strike()
    await _send_part(peer, asked, where=INVALID[value])


@_on_range(client=must_error("RFC 9110 §14.6"))
async def range_multipart_broken(
    peer: Peer, request: RequestHead, *, case: Multipart = "no-boundary"
) -> None:
    """Answer a request with Range by multipart/byteranges that names no boundary, or does not end.

    ``many-parts`` sends ten thousand parts of one octet each, and ``overlapping`` sends the same octets in several
    parts, which a server should not do and a client has to survive.
    """
    if _asked(peer, request) is None:
        await _send_beginning(peer)
        return
    peer.strike()
    names = "" if case == "no-boundary" else f"; boundary={BOUNDARY}"
    parts = list(multipart(_spans(case), WHOLE, "text/plain", BOUNDARY))
    if case == "no-final":
        parts.pop()
    octets = sum(part.octets if isinstance(part, Span) else len(part) for part in parts)
    media_type = f"Content-Type: multipart/byteranges{names}".encode()
    lines = (media_type, *_fields(peer), b"Content-Length: %d" % octets, b"Connection: close")
    await peer.send(peer.http.raw_head(*lines, start=PARTIAL))
    if request.method != "HEAD":
        for body in _joined(peer, parts):
            await peer.send(body)
    await peer.finish()


@_on_range(client=must_error("RFC 9112 §8"), issues=("jizhi0v0/duo-updater#225",))
async def range_short(peer: Peer, request: RequestHead, *, missing: Missing = 1000) -> None:
    """Answer a request with Range by a part that lacks its last ``missing`` octets, and close."""
    asked = _asked(peer, request)
    if asked is None:
        await _send_beginning(peer)
        return
    peer.strike()
    await _send_part(peer, asked, sent=max(0, asked.octets - missing))
    await peer.finish()


@_on_range(client=must_succeed("RFC 9110 §14", level=Level.QUALITY))
async def range_flaky_chain(peer: Peer, request: RequestHead, *, k: Missing = 20_000) -> None:
    """Answer truthfully, and close after ``k`` octets of each body.

    A client that resumes has the whole after a few requests.
    """
    peer.strike()
    asked = _asked(peer, request)
    if asked is None:
        await _send_beginning(peer, k)
    else:
        await _send_part(peer, asked, sent=min(k, asked.octets))
        if k < asked.octets:
            await peer.finish()


def _asked(peer: Peer, request: RequestHead, *, heeds_if_range: bool = True) -> Span | None:
    """Return the first part that the request asks for, or None if the whole is due."""
    validator = request.get("if-range")
    if heeds_if_range and validator not in (None, _entity_tag(peer)):
        return None
    spans = requested_spans(request.get("range") or "", WHOLE)
    return spans[0] if spans else None


def _entity_tag(peer: Peer) -> str:
    return f'"{peer.nonce}"'


def _fields(peer: Peer) -> tuple[bytes, bytes]:
    return f"ETag: {_entity_tag(peer)}".encode(), b"Accept-Ranges: bytes"


async def _send_beginning(peer: Peer, octets: int = HALF) -> None:
    """Send 200 and ``octets`` of the whole, and close the connection if that is not all."""
    await peer.send(peer.http.canary_head(*_fields(peer)))
    await peer.http.send_canary(min(octets, WHOLE))
    if octets < WHOLE:
        await peer.finish()


async def _send_part(
    peer: Peer,
    part: Span,
    *,
    start: bytes = PARTIAL,
    where: str | None = None,
    sent: int | None = None,
) -> None:
    """Send a part's head, with ``where`` as its Content-Range if given, and ``sent`` of its octets."""
    field = f"Content-Range: {where or content_range(part, WHOLE)}".encode()
    lines = (*_fields(peer), field)
    await peer.send(peer.http.canary_head(*lines, start=start, octets=part.octets))
    await peer.http.send_canary(part.octets if sent is None else sent, start=part.first)


def _spans(case: str) -> tuple[Span, ...]:
    if case == "many-parts":
        return tuple(Span(at, at) for at in range(MANY))
    if case == "overlapping":
        return tuple(Span(0, FEW * n - 1) for n in range(1, 9))
    return Span(0, FEW - 1), Span(2 * FEW, 3 * FEW - 1)


def _joined(peer: Peer, parts: list[bytes | Span]) -> Iterator[bytes]:
    """Yield the octets of all parts, a hundred at a time."""
    for at in range(0, len(parts), 100):
        yield b"".join(
            peer.http.canary(part.octets, start=part.first) if isinstance(part, Span) else part
            for part in parts[at : at + 100]
        )
