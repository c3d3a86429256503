"""Charsets that nobody knows, or that the text does not have (RFC 9110 §8.3.2)."""

from __future__ import annotations

import codecs
from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.families.type.answer import answer
from hamms_trio.modes.model.expectation import (
    Level,
    may_choose,
    must_error_or_succeed,
    must_succeed,
)
from hamms_trio.modes.model.parameters import Choice
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, chunk, connection_field, last_chunk

GERMAN = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.\n" * 64
UNKNOWN = {"x-nope": b"x-nope", "two": b"utf-8,gbk", "none": b"none"}
LIES = {
    "latin-1": GERMAN.encode("latin-1"),
    "invalid": GERMAN.encode().replace("ß".encode(), b"\xff\xc0\xaf\xed\xa0\x80"),
    "utf-16": GERMAN.encode("utf-16-le"),
}
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
DECLARED = {"nothing": b"", "same": b"; charset=%b", "other": b"; charset=iso-8859-1"}
MESSAGE = '{"message": "Zwölf Boxkämpfer, 😀 und €"}'
# Each piece but the first begins in the middle of a character of four octets.
LINES = [f"{number:04} Zwölf € 😀 Boxkämpfer\n".encode() for number in range(64)]
SPLIT = "😀".encode()[:2]
PAUSE = 0.01  # seconds between two segments, so that they arrive one by one

Unknown = Annotated[str, Choice(*UNKNOWN)]
Lie = Annotated[str, Choice(*LIES)]
Mark = Annotated[str, Choice(*MARKS)]
Declared = Annotated[str, Choice(*DECLARED)]
Cut = Annotated[str, Choice("chunks", "segments")]


@on_request(
    client=must_succeed(
        "RFC 9110 §8.3.2",
        level=Level.QUALITY,
        owes="A call that decodes text falls back to another charset, "
        "or fails with an error of the client's own.",
    ),
    issues=(
        "aio-libs/aiohttp#2120",
        "maurosoria/dirsearch#1380",
    ),
)
async def charset_unknown(peer: Peer, request: RequestHead, *, value: Unknown = "x-nope") -> None:
    """Send the canary with an unknown charset; the client still delivers its octets."""
    await answer(peer, request, b"Content-Type: text/plain; charset=" + UNKNOWN[value])


@on_request(
    client=may_choose(
        "RFC 9110 §8.3.2, RFC 3629 §3",
        owes="A call that decodes text fails, or puts U+FFFD where "
        "an octet is invalid; the same each time.",
    ),
    issues=("psf/requests#5597",),
)
async def charset_lie(peer: Peer, request: RequestHead, *, enc: Lie = "latin-1") -> None:
    """Declare UTF-8, and send Latin-1, octets that are no UTF-8, or UTF-16.

    The client reports an error, or puts U+FFFD for octets that it can't read, and does the same each time.
    """
    await answer(peer, request, b"Content-Type: text/plain; charset=utf-8", body=LIES[enc])


@on_request(client=must_error_or_succeed("RFC 8259 §8.1"))
async def charset_bom(
    peer: Peer, request: RequestHead, *, bom: Mark = "utf-8", charset: Declared = "nothing"
) -> None:
    """Send JSON after a byte order mark, of UTF-8, UTF-16 or UTF-32.

    The Content-Type names no charset, the same, or another one. A client reads the JSON or reports an error.
    """
    declared = DECLARED[charset].replace(b"%b", bom.encode())
    content = MARKS[bom] + MESSAGE.encode(bom)
    await answer(peer, request, b"Content-Type: application/json" + declared, body=content)


@on_request(client=must_succeed("RFC 9112 §7.1, RFC 3629 §3"), issues=("praxis-proxy/praxis#739",))
async def charset_split(peer: Peer, request: RequestHead, *, by: Cut = "chunks") -> None:
    """Send UTF-8 whose chunks, or segments, end in the middle of a character.

    An HTTP/1.0 client gets segments. A client that decodes piece by piece must keep the beginning of a character.
    """
    is_chunked = by == "chunks" and request.minor_version > 0
    text = b"".join(LINES)
    persistence = connection_field(request).removesuffix(b"\r\n")
    framing = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % len(text)
    lines = filter(None, (b"Content-Type: text/plain; charset=utf-8", persistence, framing))
    await peer.send(peer.http.raw_head(*lines))
    if request.method == "HEAD":
        return
    for piece in _pieces(text):
        await peer.send(chunk(piece) if is_chunked else piece)
        await peer.sleep(PAUSE)
    if is_chunked:
        await peer.send(last_chunk())


def _pieces(text: bytes) -> list[bytes]:
    """Cut the text after the first half of each character of four octets."""
    first, *others = text.split(SPLIT)
    *between, last = (SPLIT[1:] + other for other in others)
    return [first + SPLIT[:1], *(piece + SPLIT[:1] for piece in between), last]
