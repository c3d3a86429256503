"""The response that was really sent, parsed from the octets that left."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from hamms_trio.errors import MalformedResponse, RequestError
from hamms_trio.wire import BodyReader, is_interim
from hamms_trio.wire.http1.response import ResponseHead, parse_response_head

_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class SentAnswer:
    """One response as it left.

    Attributes:
        raw: everything after its head.
        body: the content with its framing removed and its codings decoded; None if the message is not whole, or
            breaks the grammar.
        coded: the same, with its codings; None likewise.
        status: of the final response; None if there is none.
        is_cut: True if the message ended before its framing says so.
    """

    raw: bytes
    body: bytes | None = None
    coded: bytes | None = None
    status: int | None = None
    is_cut: bool = False


def read_sent(octets: bytes, method: str, *, is_ended: bool) -> SentAnswer:
    """Parse the octets that were sent in answer to one request.

    Args:
        is_ended: True if the server sent a FIN, which ends a body without a length.
    """
    rest = octets
    while (end := rest.find(_END)) >= 0:
        end += len(_END)
        try:
            head = parse_response_head(rest[:end], method)
        except MalformedResponse:
            return SentAnswer(rest[end:])
        if not is_interim(head.status):
            return _framed(head, rest[end:], is_ended)
        rest = rest[end:]
    return SentAnswer(rest)


def _framed(head: ResponseHead, raw: bytes, is_ended: bool) -> SentAnswer:
    if _members(head, "transfer-encoding") not in ([], ["chunked"]):
        return SentAnswer(raw, status=head.status)  # the content is not what is left of the chunks
    try:
        coded = _unframed(head, raw, is_ended)
    except RequestError:  # the chunks break the grammar
        return SentAnswer(raw, status=head.status)
    if coded is None:
        return SentAnswer(raw, status=head.status, is_cut=True)
    body = _decoded(coded, _members(head, "content-encoding"))
    return SentAnswer(raw, body, coded, head.status)


def _unframed(head: ResponseHead, raw: bytes, is_ended: bool) -> bytes | None:
    """Remove the framing; None if the message is not whole."""
    if head.until_close:
        return raw if is_ended else None
    if not head.chunked:
        return raw[: head.content_length] if len(raw) >= head.content_length else None
    reader, content, at = BodyReader(head), bytearray(), 0
    while at < len(raw) and not reader.complete:
        content += reader.feed(raw[at : at + 65536])
        at += 65536
    return bytes(content) if reader.complete else None


def _members(head: ResponseHead, name: str) -> list[str]:
    """Return the members of a field that is a list, in lower case."""
    members: list[str] = []
    for line in head.octets.decode("latin-1").split("\r\n")[1:]:
        own, _, value = line.partition(":")
        if own.lower() == name:
            members += (member.strip().lower() for member in value.split(","))
    return [member for member in members if member]


def _decoded(content: bytes, codings: list[str]) -> bytes | None:
    """Undo codings; None if that fails, or one is unknown."""
    try:
        for coding in reversed(codings) if content else ():
            content = _DECODERS[coding](content)
    except (KeyError, _Undecodable):
        return None
    return content


class _Undecodable(Exception):
    """The content is not what its coding says."""


def _inflate(content: bytes, wbits: int) -> bytes:
    decoder = zlib.decompressobj(wbits)
    try:
        decoded = decoder.decompress(content)
    except zlib.error:
        raise _Undecodable from None
    if not decoder.eof or decoder.unused_data:
        raise _Undecodable
    return decoded


def _brotli(content: bytes) -> bytes:
    import brotli

    try:
        decoded: bytes = brotli.decompress(content)
    except brotli.error:
        raise _Undecodable from None
    return decoded


def _zstd(content: bytes) -> bytes:
    import zstandard

    decoder = zstandard.ZstdDecompressor().decompressobj()
    try:
        decoded = decoder.decompress(content)
    except zstandard.ZstdError:
        raise _Undecodable from None
    if not decoder.eof or decoder.unused_data:
        raise _Undecodable
    return decoded


_DECODERS = {
    "gzip": lambda content: _inflate(content, 31),
    "x-gzip": lambda content: _inflate(content, 31),
    "deflate": lambda content: _inflate(content, 15),
    "br": _brotli,
    "zstd": _zstd,
}
