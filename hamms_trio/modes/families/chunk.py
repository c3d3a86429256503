"""Chunked bodies that break the grammar of RFC 9112 §7.1, or end too early."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes.declare import on_request
from hamms_trio.modes.model.expectation import (
    must_error,
    must_error_or_succeed,
    must_stay_bounded,
    must_succeed,
    must_time_out,
)
from hamms_trio.modes.model.parameters import MEBIBYTE, Choice, Flag, Range, Seconds
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, chunk, last_chunk
from hamms_trio.wire.http1.build import CHUNKED, TEXT_PLAIN

WHOLE, HALF = CANARY_OCTETS, CANARY_OCTETS // 2
SIZE = b"%x" % WHOLE
CLOSE = b"Connection: close"
BURST = 64 * 1024  # octets of a flood that leave in one go

GARBAGE = {"letters": b"xyz", "empty": b"", "space": b"5 5", "semicolon": b";"}
EXTENSIONS = {"quoted": b';a=b;c="d"', "token": b";a=b", "bare": b";a", "spaced": b" ; a = b"}
OVERRUNS = {"no-crlf": b"", "junk": b"XX", "long": b"0123456789"}
# Fields that a trailer section must not have (RFC 9110 §6.5.1).
FORBIDDEN = {
    "content-length": b"Content-Length: 5",
    "transfer-encoding": b"Transfer-Encoding: identity",
    "set-cookie": b"Set-Cookie: trailer=1",
    "location": b"Location: /elsewhere",
}

Octets = Annotated[int, Range("octets", 0, WHOLE)]
Flood = Annotated[int, Range("octets", 1, 64 * MEBIBYTE)]
Chunks = Annotated[int, Range("chunks", 1, MEBIBYTE)]
Zeros = Annotated[int, Range("zeros", 1, 10_000_000)]
Garbage = Annotated[str, Choice(*GARBAGE)]
Where = Annotated[str, Choice("size", "data", "extension", "all")]
Overrun = Annotated[str, Choice(*OVERRUNS)]
Extension = Annotated[str, Choice(*EXTENSIONS)]
Forbidden = Annotated[str, Choice(*FORBIDDEN)]
Amplified = Annotated[str, Choice("one", "each")]


@on_request(
    client=must_error("RFC 9112 §8"),
    issues=("oven-sh/bun#36068", "h2o/h2o#1031", "xroche/httrack#840"),
    needs_http11=True,
)
async def chunk_no_final(
    peer: Peer, request: RequestHead, *, close: Flag = False, sent: Octets = HALF
) -> None:
    """Send a whole chunk of half the body, then close without the last chunk.

    ``close`` announces the end by ``Connection: close``, which some clients take for permission.
    """
    await _send(peer, request, chunk(peer.http.canary(sent)), *([CLOSE] if close else []))


@on_request(client=must_error("RFC 9112 §8"), needs_http11=True)
async def chunk_cut_mid_data(peer: Peer, request: RequestHead, *, sent: Octets = HALF) -> None:
    """Close in the middle of a chunk's data."""
    await _send(peer, request, SIZE + b"\r\n" + peer.http.canary(sent))


@on_request(client=must_error("RFC 9112 §8"), needs_http11=True)
async def chunk_rst(peer: Peer, request: RequestHead, *, sent: Octets = HALF) -> None:
    """Reset the connection between two chunks."""
    await _send(peer, request, chunk(peer.http.canary(sent)), end="rst")


@on_request(
    client=must_error_or_succeed("RFC 9112 §7.1"),
    issues=("oven-sh/bun#36068",),
    needs_http11=True,
)
async def chunk_final_no_crlf(peer: Peer, request: RequestHead) -> None:
    """Send the whole body and the last chunk's line, then close before the CRLF that ends the body."""
    await _send(peer, request, chunk(peer.http.canary(WHOLE)) + b"0\r\n")


@on_request(client=must_error("RFC 9112 §8"), issues=("apple/servicetalk#1060",), needs_http11=True)
async def chunk_no_chunk_close(peer: Peer, request: RequestHead) -> None:
    """Declare a chunked body, then close before its first chunk."""
    await _send(peer, request, b"")


@on_request(
    client=must_error("RFC 9112 §7.1"), issues=("python/cpython#150751",), needs_http11=True
)
async def chunk_size_negative(peer: Peer, request: RequestHead) -> None:
    """Send a chunk whose size has a minus sign."""
    await _send_with_size(peer, request, b"-" + SIZE)


@on_request(
    client=must_error("RFC 9112 §7.1"),
    issues=("benoitc/gunicorn#3047", "python/cpython#150751"),
    needs_http11=True,
)
async def chunk_size_plus(peer: Peer, request: RequestHead) -> None:
    """Send a chunk whose size has a plus sign."""
    await _send_with_size(peer, request, b"+" + SIZE)


@on_request(client=must_error("RFC 9112 §7.1"), issues=("graygnuorg/pound#19",), needs_http11=True)
async def chunk_size_0x(peer: Peer, request: RequestHead) -> None:
    """Send a chunk whose size begins with 0x."""
    await _send_with_size(peer, request, b"0x" + SIZE)


@on_request(client=must_error("RFC 9112 §7.1"), issues=("urllib3/urllib3#5083",), needs_http11=True)
async def chunk_size_underscore(peer: Peer, request: RequestHead) -> None:
    """Send a chunk whose size has an underscore, which some languages read as a number."""
    await _send_with_size(peer, request, SIZE[:1] + b"_" + SIZE[1:])


@on_request(client=must_error("RFC 9112 §7.1"), needs_http11=True)
async def chunk_size_wrap64(peer: Peer, request: RequestHead) -> None:
    """Send a chunk whose size exceeds 64 bits; modulo 2^64 the size is right."""
    await _send_with_size(peer, request, b"%x" % (2**64 + WHOLE))


@on_request(client=must_error("RFC 9112 §7.1"), needs_http11=True)
async def chunk_size_garbage(
    peer: Peer, request: RequestHead, *, form: Garbage = "letters"
) -> None:
    """Send a chunk whose size is no hexadecimal number."""
    await _send_with_size(peer, request, GARBAGE[form])


@on_request(client=must_time_out("RFC 9112 §7.1"), needs_http11=True)
async def chunk_size_endless(
    peer: Peer, request: RequestHead, *, interval: Seconds = 0.3, max: Zeros = 1_000_000
) -> None:
    """Send the zeros before a chunk's size, one each ``interval`` seconds, and close after ``max`` of them."""
    await peer.send(peer.http.raw_head(TEXT_PLAIN, CHUNKED))
    for _ in range(max):
        await peer.send(b"0")
        await peer.sleep(interval)
    await peer.finish()


@on_request(client=must_error_or_succeed("RFC 9112 §2.2, §7.1"), needs_http11=True)
async def chunk_bare_lf(peer: Peer, request: RequestHead, *, where: Where = "size") -> None:
    """End the chunk's size, its data, an extension, or every line with LF instead of CRLF."""
    every = where == "all"
    size = SIZE + (b";a=b" if where == "extension" else b"")
    ends = [
        b"\n" if every or where in places else b"\r\n" for places in (("size", "extension"), "data")
    ]
    last = b"0\n\n" if every else last_chunk()
    await _send(peer, request, size + ends[0] + peer.http.canary(WHOLE) + ends[1] + last)


@on_request(client=must_error("RFC 9112 §7.1"), needs_http11=True)
async def chunk_data_overrun(
    peer: Peer, request: RequestHead, *, form: Overrun = "no-crlf"
) -> None:
    """Send more data than the chunk's size declares, or no CRLF after it."""
    body = SIZE + b"\r\n" + peer.http.canary(WHOLE) + OVERRUNS[form]
    await _send(peer, request, body + last_chunk())


@on_request(client=must_succeed("RFC 9112 §7.1.1"), needs_http11=True)
async def chunk_ext(peer: Peer, request: RequestHead, *, form: Extension = "quoted") -> None:
    """Send a chunk with a legal extension, which a client has to ignore."""
    line = SIZE + EXTENSIONS[form] + b"\r\n"
    await _send(peer, request, line + peer.http.canary(WHOLE) + b"\r\n" + last_chunk(), end="")


@on_request(client=must_error_or_succeed("RFC 9112 §7.1.1"), needs_http11=True)
async def chunk_ext_huge(
    peer: Peer,
    request: RequestHead,
    *,
    size: Flood = MEBIBYTE,
    where: Amplified = "one",
) -> None:
    """Send one chunk with an extension of ``size`` octets, or as many in all on chunks of one octet each."""
    if where == "one":
        await _begin(peer, request, SIZE + b";a=")
        await _flood(peer, request, size)
        await _add(peer, request, b"\r\n" + peer.http.canary(WHOLE) + b"\r\n" + last_chunk())
        return
    await _begin(peer, request, b"")
    body, each = peer.http.canary(WHOLE), 10_000
    extension = b";a=" + b"a" * each + b"\r\n"
    for at in range(max(1, size // each)):
        await _add(peer, request, b"1" + extension + body[at % WHOLE :][:1] + b"\r\n")
    await _add(peer, request, last_chunk())


@on_request(client=must_succeed("RFC 9112 §7.1"), needs_http11=True)
async def chunk_one_byte(peer: Peer, request: RequestHead, *, n: Chunks = WHOLE) -> None:
    """Send the first ``n`` octets of the canary in chunks of one octet each."""
    await _begin(peer, request, b"")
    for at in range(0, n, BURST // 8):
        octets = peer.http.canary(min(BURST // 8, n - at), start=at)
        chunks = bytearray(len(octets) * b"1\r\n?\r\n")
        chunks[3::6] = octets
        await _add(peer, request, bytes(chunks))
        await peer.connection.pause()
    await _add(peer, request, last_chunk())


@on_request(
    client=must_succeed(
        "RFC 9112 §7.1.2; RFC 9110 §6.5.1",
        owes="The trailer fields are none of the header fields that the call returns.",
    ),
    needs_http11=True,
)
async def chunk_trailers(
    peer: Peer, request: RequestHead, *, fields: Annotated[int, Range("fields", 0, 1000)] = 2
) -> None:
    """Send a trailer section of harmless fields after the last chunk."""
    trailers = b"".join(b"X-Trailer-%d: %d\r\n" % (at, at) for at in range(1, fields + 1))
    await _send_with_trailers(peer, request, trailers)


@on_request(
    client=must_error_or_succeed(
        "RFC 9110 §6.5.1", owes="The field is none of the header fields that the call returns."
    ),
    needs_http11=True,
)
async def chunk_trailer_forbidden(
    peer: Peer, request: RequestHead, *, field: Forbidden = "content-length"
) -> None:
    """Send a trailer section with a field that must not be there, nor be merged into the header section."""
    await _send_with_trailers(peer, request, FORBIDDEN[field] + b"\r\n")


@on_request(client=must_stay_bounded("RFC 9110 §5.4"), needs_http11=True)
async def chunk_trailer_flood(
    peer: Peer, request: RequestHead, *, size: Flood = 10 * MEBIBYTE
) -> None:
    """Send a trailer section of ``size`` octets."""
    await _begin(peer, request, chunk(peer.http.canary(WHOLE)) + b"0\r\n")
    line = b"X-Trailer: " + b"a" * 1000 + b"\r\n"
    lines = line * (BURST // len(line))
    for _ in range(0, size, len(lines)):
        await _add(peer, request, lines)
    await _add(peer, request, b"\r\n")


async def _begin(peer: Peer, request: RequestHead, body: bytes, *lines: bytes) -> None:
    """Send the head of a chunked message, with these field lines, and the beginning of its body."""
    await peer.send(peer.http.raw_head(TEXT_PLAIN, CHUNKED, *lines))
    await _add(peer, request, body)


async def _add(peer: Peer, request: RequestHead, body: bytes) -> None:
    """Send more of the body; nothing in answer to HEAD."""
    if body and request.method != "HEAD":
        await peer.send(body)


async def _send(
    peer: Peer, request: RequestHead, body: bytes, *lines: bytes, end: str = "fin"
) -> None:
    """Send a chunked message whose body is these octets, and an end; with none the connection stays."""
    await _begin(peer, request, body, *lines)
    if end:
        await peer.end(end)


async def _send_with_size(peer: Peer, request: RequestHead, size: bytes) -> None:
    """Send the whole canary as one chunk of this size."""
    body = size + b"\r\n" + peer.http.canary(WHOLE) + b"\r\n" + last_chunk()
    await _send(peer, request, body)


async def _send_with_trailers(peer: Peer, request: RequestHead, trailers: bytes) -> None:
    body = chunk(peer.http.canary(WHOLE)) + b"0\r\n" + trailers + b"\r\n"
    await _send(peer, request, body, end="")


async def _flood(peer: Peer, request: RequestHead, octets: int) -> None:
    for sent in range(0, octets, BURST):
        await _add(peer, request, b"a" * min(BURST, octets - sent))
