"""Messages whose length is not the declared one (RFC 9112 §6).

Why this is hard: a client that believes the wrong one of two lengths reads half a message as a whole one, or the
rest of it as the next response. The grammar modes send the whole canary, and close after it, so that no octet is
missing.
"""

from __future__ import annotations

from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes.declare import on_connect, on_request
from hamms_trio.modes.model.expectation import (
    Level,
    Reuse,
    must_error,
    must_error_or_succeed,
    must_succeed,
    must_time_out,
)
from hamms_trio.modes.model.parameters import MEBIBYTE, Choice, Missing, Octets
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, best_match, chunk, last_chunk
from hamms_trio.wire.content.encode import encode
from hamms_trio.wire.http1.build import CHUNKED, TEXT_PLAIN

# The beginnings of what would have been whole documents, the preferred type first.
BEGINNINGS = {
    "application/json": b'{"message": "the rest of this',
    "text/html": b"<!DOCTYPE html><title>hamms</title><p>the rest of this",
    "text/plain": b"the rest of this",
    "text/xml": b'<?xml version="1.0"?><message>the rest of this',
}
FILLER = b"a" * (64 * 1024)  # the octet that hamms sent
WHOLE, HALF = CANARY_OCTETS, CANARY_OCTETS // 2

# Lengths that are no 1*DIGIT.
JUNK = {"letters": b"abc", "letters-behind": b"500abc", "fraction": b"500.0", "empty": b""}
# Codings that a lenient reader takes for chunked; the last two are chunked, since white space before a value does
# not count (RFC 9110 §5.5) and names of codings are case-insensitive (RFC 9112 §7).
DISGUISES = {
    "vtab": b"\x0bchunked",
    "parameter": b"chunked;q=1",
    "quoted": b'"chunked"',
    "tab": b"\tchunked",
    "upper": b"CHUNKED",
}

Order = Annotated[str, Choice("short-first", "long-first")]
FieldOrder = Annotated[str, Choice("cl-first", "te-first")]
Repetition = Annotated[str, Choice("lines", "list")]
Junk = Annotated[str, Choice(*JUNK)]
Disguise = Annotated[str, Choice(*DISGUISES)]
Bits = Annotated[str, Choice("64", "63", "32")]
When = Annotated[str, Choice("connect", "request")]


@on_connect(
    client=must_error_or_succeed(
        "RFC 9112 §6.3, §9.2",
        owes="A body is the first `cl` octets, and the next "
        "call does not return any of the others.",
    )
)
async def frame_cl_long(
    peer: Peer, *, cl: Octets = 3, size: Octets = MEBIBYTE, when: When = "connect"
) -> None:
    """Declare 3 octets of body (``cl``) and send 1 MiB (``size``), without waiting for a request.

    ``when=request`` waits for the request's first octets, as most servers do.

    The surplus is not a response to anything: a client that keeps the connection must not read it
    as the answer to its next request.
    """
    if when == "request":
        await peer.receive()
    declared = (("Content-Length", str(cl)), ("Connection", "keep-alive"))
    await peer.send(peer.http.head(200, ("Content-Type", "text/plain"), *declared))
    for sent in range(0, size, len(FILLER)):
        await peer.send(FILLER[: size - sent])
    await peer.finish()


@on_request(
    client=must_time_out(
        "RFC 9112 §6.3, §8",
        owes="A timeout within the body is an error, and not the end of the body.",
    ),
    issues=("psf/requests#5905",),
)
async def frame_cl_short_hang(
    peer: Peer, request: RequestHead, *, missing: Missing = 2000, sent: Octets = 0, cl: Octets = 0
) -> None:
    """Declare a longer body than is sent, then fall silent.

    The body is the beginning of a document that the request's Accept asks for, or the first ``sent`` octets of
    the canary. ``cl`` is the length that is declared; without it, ``missing`` more octets are than are sent.
    """
    await _send_part(peer, request, missing, sent, cl)
    await peer.wait_gone()


@on_request(
    client=must_error("RFC 9112 §8"),
    issues=(
        "psf/requests#4956",
        "urllib3/urllib3#311",
        "urllib3/urllib3#949",
        "httpie/cli#965",
        "ruby/net-http#15",
        "boto/botocore#210",
    ),
)
async def frame_cl_short_fin(
    peer: Peer, request: RequestHead, *, missing: Missing = 2000, sent: Octets = 0, cl: Octets = 0
) -> None:
    """Declare a longer body than is sent, then close.

    The body is the beginning of a document that the request's Accept asks for, or the first ``sent`` octets of
    the canary. ``cl`` is the length that is declared; without it, ``missing`` more octets are than are sent.
    """
    await _send_part(peer, request, missing, sent, cl)
    await peer.finish()


@on_request(
    client=must_error("RFC 9112 §8"),
    issues=(
        "psf/requests#4956",
        "ruby/net-http#15",
    ),
)
async def frame_cl_short_close_hdr(
    peer: Peer, request: RequestHead, *, cl: Octets = WHOLE, sent: Octets = HALF
) -> None:
    """Declare ``cl`` octets and ``Connection: close``, send fewer, then close as announced."""
    await _send(peer, request, _length(cl), b"Connection: close", sent=sent)


@on_request(client=must_error("RFC 9112 §8"))
async def frame_cl_short_rst(
    peer: Peer, request: RequestHead, *, cl: Octets = WHOLE, sent: Octets = HALF
) -> None:
    """Declare ``cl`` octets, send fewer, then reset the connection."""
    await _send(peer, request, _length(cl), sent=sent, end="rst")


@on_request(client=must_succeed("RFC 9112 §6.3 ¶8"))
async def frame_close_delimited(peer: Peer, request: RequestHead, *, size: Octets = WHOLE) -> None:
    """Declare no length, send the whole body, and end it by closing the connection."""
    await _send(peer, request, sent=size)


@on_request(client=must_error("RFC 9112 §8"))
async def frame_close_delimited_rst(
    peer: Peer, request: RequestHead, *, sent: Octets = HALF
) -> None:
    """Declare no length, send half of the body, then reset the connection.

    Only the way in which the connection ends says that the body is incomplete.
    """
    await _send(peer, request, sent=sent, end="rst")


@on_request(client=must_time_out("RFC 9112 §6.3"))
async def frame_close_keepalive(peer: Peer, request: RequestHead, *, size: Octets = WHOLE) -> None:
    """Declare no length but ``Connection: keep-alive``, send the body, and never close."""
    await _send(peer, request, b"Connection: keep-alive", sent=size, end="hang")


@on_request(
    client=must_error("RFC 9112 §6.3 ¶5", reuse=Reuse.FORBIDDEN),
    issues=(
        "valyala/fasthttp#2191",
        "oven-sh/bun#28838",
        "nodejs/node#6517",
        "httpwg/http-core#59",
        "valyala/fasthttp#2294",
    ),
)
async def frame_cl_conflict(
    peer: Peer,
    request: RequestHead,
    *,
    a: Octets = HALF,
    b: Octets = WHOLE,
    order: Order = "short-first",
) -> None:
    """Send two Content-Length fields that disagree: ``a``, then ``b``, or the other way round."""
    first, second = (a, b) if order == "short-first" else (b, a)
    await _send(peer, request, _length(first), _length(second))


@on_request(
    client=must_error("RFC 9112 §6.3 ¶5", reuse=Reuse.FORBIDDEN),
    issues=("httpwg/http-core#59",),
)
async def frame_cl_list_conflict(peer: Peer, request: RequestHead) -> None:
    """Send one Content-Length field with two lengths that disagree."""
    await _send(peer, request, b"Content-Length: %d, %d" % (HALF, WHOLE))


@on_request(
    client=must_error_or_succeed("RFC 9110 §8.6"),
    issues=(
        "boostorg/beast#1880",
        "nodejs/node#6517",
    ),
)
async def frame_cl_repeated(
    peer: Peer, request: RequestHead, *, form: Repetition = "lines"
) -> None:
    """Send the true Content-Length twice: as two field lines, or as a list of equal members."""
    lines = (
        [_length(WHOLE)] * 2 if form == "lines" else [b"Content-Length: %d, %d" % (WHOLE, WHOLE)]
    )
    await _send(peer, request, *lines)


@on_request(
    client=must_error("RFC 9110 §8.6"),
    issues=("python/cpython#150751",),
)
async def frame_cl_negative(peer: Peer, request: RequestHead) -> None:
    """Declare a length of -1."""
    await _send(peer, request, b"Content-Length: -1")


@on_request(
    client=must_error("RFC 9110 §8.6"),
    issues=(
        "python/cpython#150751",
        "urllib3/urllib3#5083",
    ),
)
async def frame_cl_plus(peer: Peer, request: RequestHead) -> None:
    """Declare half of the body by a length with a plus sign, which is no digit."""
    await _send(peer, request, b"Content-Length: +%d" % HALF)


@on_request(
    client=must_error("RFC 9110 §8.6"),
    issues=(
        "urllib3/urllib3#5083",
        "pallets/werkzeug#2716",
    ),
)
async def frame_cl_underscore(peer: Peer, request: RequestHead) -> None:
    """Declare half of the body by a length with an underscore, which some languages read as a number."""
    await _send(peer, request, b"Content-Length: 32_768")


@on_request(client=must_error("RFC 9110 §8.6"))
async def frame_cl_hex(peer: Peer, request: RequestHead) -> None:
    """Declare half of the body by a hexadecimal length."""
    await _send(peer, request, b"Content-Length: 0x%x" % HALF)


@on_request(client=must_error("RFC 9112 §6.3 ¶5"))
async def frame_cl_junk(peer: Peer, request: RequestHead, *, value: Junk = "letters") -> None:
    """Declare a length that is no number: letters, letters after digits, a fraction, or nothing."""
    await _send(peer, request, b"Content-Length: " + JUNK[value])


@on_request(client=must_error("RFC 9110 §8.6"))
async def frame_cl_wrap64(peer: Peer, request: RequestHead, *, value: Bits = "64") -> None:
    """Declare a length beyond 64 bits; modulo 2^64 it is half of the body.

    ``value=63`` exceeds a signed 64-bit number, and ``value=32`` an unsigned 32-bit number.
    """
    await _send(peer, request, _length(2 ** int(value) + HALF))


@on_request(
    client=must_time_out(
        "RFC 9110 §17.5", owes="The process does not take memory for the length that is declared."
    )
)
async def frame_cl_huge(peer: Peer, request: RequestHead, *, sent: Octets = 10) -> None:
    """Declare 9 exabytes, send ten octets, and fall silent: memory must not be allocated in advance."""
    await _send(peer, request, _length(9_000_000_000_000_000_000), sent=sent, end="hang")


@on_request(client=must_error_or_succeed("RFC 9112 §5.1"))
async def frame_cl_space_colon(peer: Peer, request: RequestHead) -> None:
    """Send a space between the name Content-Length and its colon; the length is true."""
    await _send(peer, request, b"Content-Length : %d" % WHOLE)


@on_request(
    client=must_error_or_succeed(
        "RFC 9112 §6.3 ¶3", owes="The body never has the five octets of the Content-Length."
    ),
    needs_http11=True,
    issues=(
        "curl/curl#7649",
        "nodejs/http-parser#517",
        "MDA2AV/Http11Probe#80",
        "nodejs/http-parser#289",
    ),
)
async def frame_cl_and_te(
    peer: Peer, request: RequestHead, *, order: FieldOrder = "cl-first"
) -> None:
    """Send a chunked body that also declares a Content-Length of 5, which must not count."""
    lines = [b"Content-Length: 5", CHUNKED]
    await _send_chunks(peer, request, *(lines if order == "cl-first" else reversed(lines)))


@on_request(client=must_error_or_succeed("RFC 9112 §6.1", reuse=Reuse.FORBIDDEN))
async def frame_te_http10(peer: Peer, request: RequestHead) -> None:
    """Send a chunked body in an HTTP/1.0 response, whose framing a client must treat as faulty."""
    await _send_chunks(peer, request, CHUNKED, start=b"HTTP/1.0 200 OK")


@on_request(client=must_error_or_succeed("RFC 9112 §6.1, §6.3 ¶4"), needs_http11=True)
async def frame_te_unknown(peer: Peer, request: RequestHead) -> None:
    """Declare a transfer coding that nobody knows; the body ends with the connection."""
    await _send(peer, request, b"Transfer-Encoding: xyzzy")


@on_request(client=must_error_or_succeed("RFC 9112 §6.3 ¶4"), needs_http11=True)
async def frame_te_chunked_not_final(peer: Peer, request: RequestHead) -> None:
    """Declare ``chunked, identity``: chunked is not the last coding, so the body ends with the connection."""
    await _send(peer, request, b"Transfer-Encoding: chunked, identity")


@on_request(client=must_error("RFC 9112 §6.1", level=Level.QUALITY), needs_http11=True)
async def frame_te_double_chunked(peer: Peer, request: RequestHead) -> None:
    """Declare ``chunked`` twice, which a sender must not do, and send a body that is chunked once."""
    await _send_chunks(peer, request, b"Transfer-Encoding: chunked, chunked")


@on_request(
    client=must_error_or_succeed("RFC 9112 §7.2", owes="Octets of gzip are never the body."),
    needs_http11=True,
)
async def frame_te_gzip_chunked(peer: Peer, request: RequestHead) -> None:
    """Send a body with the transfer codings gzip and chunked; a client must never deliver the gzip octets."""
    coded = encode("gzip", peer.http.canary(WHOLE))
    await _send_chunks(peer, request, b"Transfer-Encoding: gzip, chunked", body=coded)


@on_request(
    client=must_error(
        "RFC 9112 §7", owes="For `tab` and `upper`, which are legal, the call succeeds instead."
    ),
    needs_http11=True,
)
async def frame_te_obfuscated(peer: Peer, request: RequestHead, *, form: Disguise = "vtab") -> None:
    """Send a chunked body whose coding is disguised, so that two readers may disagree about the framing."""
    await _send_chunks(peer, request, b"Transfer-Encoding: " + DISGUISES[form])


@on_request(client=must_error_or_succeed("RFC 9112 Appendix C.3"), needs_http11=True)
async def frame_te_identity_cl(peer: Peer, request: RequestHead) -> None:
    """Declare the coding ``identity``, which HTTP/1.1 no longer has, and a true Content-Length."""
    await _send(peer, request, b"Transfer-Encoding: identity", _length(WHOLE))


def _length(octets: int) -> bytes:
    return b"Content-Length: %d" % octets


async def _send(
    peer: Peer, request: RequestHead, *lines: bytes, sent: int = WHOLE, end: str = "fin"
) -> None:
    """Send these framing fields, ``sent`` octets of the canary, and an end, if one is named."""
    await peer.send(peer.http.raw_head(TEXT_PLAIN, *lines))
    await peer.http.send_canary(sent)
    if end:
        await peer.end(end)


async def _send_chunks(
    peer: Peer,
    request: RequestHead,
    *lines: bytes,
    start: bytes = b"HTTP/1.1 200 OK",
    body: bytes | None = None,
) -> None:
    """Send these framing fields and a correctly chunked body, then close."""
    await peer.send(peer.http.raw_head(TEXT_PLAIN, *lines, start=start))
    if request.method != "HEAD":
        await peer.send(chunk(peer.http.canary(WHOLE) if body is None else body) + last_chunk())
    await peer.finish()


async def _send_part(peer: Peer, request: RequestHead, missing: int, sent: int, cl: int) -> None:
    """Send the beginning of a document, or ``sent`` octets of the canary, and declare more (see the modes)."""
    if sent:
        await _send(peer, request, _length(cl or sent + missing), sent=sent, end="")
        return
    media_type = best_match(request.get("accept"), BEGINNINGS) or "application/json"
    part = BEGINNINGS[media_type] if request.method != "HEAD" else b""
    length = str(cl or len(BEGINNINGS[media_type]) + missing)
    fields = (("Content-Type", media_type), ("Content-Length", length))
    await peer.send(peer.http.head(200, *fields) + part)
