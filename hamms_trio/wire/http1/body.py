"""Request bodies, read incrementally (RFC 9112 §6, §7).

The reader follows the grammar of chunks exactly, since attackers have used every deviation to make two readers
disagree about the end of a request. Whitespace is allowed around the ``;`` and ``=`` of an extension, which a
recipient has to accept (RFC 9110 §5.6.3), but not between a size and its CRLF, where the grammar has none. An
extension is a token with or without a value, and a quoted value has to be closed.

Extensions and trailer fields are validated and dropped. A trailer field that decides framing is refused
(RFC 9110 §6.5.1), since an intermediary may have merged it into the head.
"""

from __future__ import annotations

import re
from typing import Protocol

from hamms_trio.errors import ContentTooLarge, HeadTooLarge, MalformedRequest, RequestError
from hamms_trio.wire.grammar import TOKEN
from hamms_trio.wire.http1 import section
from hamms_trio.wire.http1.section import FRAMING_FIELDS, MAX_FIELD_LINES

MAX_CHUNK_LINE_OCTETS = 4096  # a chunk's size with its extensions, or one trailer field line
MAX_EXTENSIONS_OCTETS = 16 * 1024  # per body; Go has the same limit
MAX_TRAILER_OCTETS = 16 * 1024
UNLIMITED = 1 << 64

_TOKEN = TOKEN.encode()
_FIELD_LINE = re.compile(section.FIELD_LINE.encode())
_SIZE = rb"([0-9A-Fa-f]{1,16})"
_PLAIN_SIZE = re.compile(_SIZE + rb"\r\n")
_QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
# Possessive, so that a mismatch fails in linear time.
_EXTENSION = (
    rb"[ \t]*+;[ \t]*+" + _TOKEN + rb"(?:[ \t]*+=[ \t]*+(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?+"
)
_CHUNK_LINE = re.compile(_SIZE + rb"(?:" + _EXTENSION + rb")*+")


class Framed(Protocol):
    """A head with the framing of its message's body."""

    chunked: bool
    content_length: int

    @property
    def has_body(self) -> bool: ...


class BodyReader:
    """A reader of one request's body.

    ``feed`` returns the content in its argument; once ``complete``, ``rest`` holds the octets of the next request.
    Once ``feed`` has raised, every further call raises the same error, since the end of the body can't be found.

    Args:
        request: the head.
        limit: octets of content that a chunked body may have; the reader refuses the chunk that exceeds it.
    """

    __slots__ = (
        "_buffer",
        "_chunked",
        "_extensions",
        "_in_trailer",
        "_left",
        "_limit",
        "_missing",
        "_problem",
        "_trailer",
        "_trailer_lines",
        "complete",
        "rest",
    )

    def __init__(self, request: Framed, limit: int = UNLIMITED) -> None:
        self._limit = self._left = limit
        self._chunked = request.chunked
        self._missing = request.content_length  # octets of the body, or of the current chunk
        self._in_trailer = False
        self._extensions = 0  # octets of extensions so far
        self._trailer = self._trailer_lines = 0  # octets and lines of the trailer so far
        self._buffer = b""
        self._problem: RequestError | None = None
        self.complete = not request.has_body
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Return the content octets among ``data``, decoded.

        Raises:
            MalformedRequest: the chunked coding or a trailer field is malformed.
            ContentTooLarge: a chunk exceeds the limit, or the extensions exceed theirs (RFC 9112 §7.1.1).
            HeadTooLarge: the trailer section exceeds its limit (RFC 6585 §5).
        """
        if self.complete:
            self.rest += data
            return b""
        if not self._chunked:
            return self._feed_counted(data)
        if self._problem is None:
            try:
                return self._feed_chunked(data)
            except RequestError as error:
                self._problem, self._buffer = error, b""
                raise
        raise self._problem

    def _feed_counted(self, data: bytes) -> bytes:
        content = data[: self._missing]
        self._missing -= len(content)
        if not self._missing:
            self.complete = True
            self.rest = data[len(content) :]
        return content

    def _feed_chunked(self, data: bytes) -> bytes:
        buffer, at = self._buffer + data, 0
        content = []
        while not self.complete:
            if not (self._missing or self._in_trailer):
                # The fast path for a whole chunk without extensions, the usual case.
                plain = _PLAIN_SIZE.match(buffer, at)
                if plain is not None:
                    begin = plain.end()
                    end = begin + int(plain[1], 16)
                    if begin < end <= begin + self._left and buffer[end : end + 2] == b"\r\n":
                        self._left -= end - begin
                        content.append(buffer[begin:end])
                        at = end + 2
                        continue
            if self._missing > 2:  # the chunk's data, then its CRLF
                piece = buffer[at : at + self._missing - 2]
                content.append(piece)
                self._missing -= len(piece)
                after = at + len(piece)
            elif self._missing:
                after = self._after_chunk_end(buffer, at)
            else:
                after = self._after_line(buffer, at)
            if after == at:
                break
            at = after
        if self.complete:
            self.rest, self._buffer = buffer[at:], b""
        else:
            self._buffer = buffer[at:]
        return b"".join(content)

    def _after_chunk_end(self, buffer: bytes, at: int) -> int:
        end = buffer[at : at + 2]
        if not b"\r\n".startswith(end):
            raise MalformedRequest("a chunk's data does not end with CRLF (RFC 9112 §7.1)")
        if len(end) < 2:
            return at
        self._missing = 0
        return at + 2

    def _after_line(self, buffer: bytes, at: int) -> int:
        """Read a chunk's size line or a trailer line; return ``at`` while the line is incomplete."""
        end = buffer.find(b"\r\n", at)
        line = buffer[at:end] if end >= 0 else buffer[at:].removesuffix(b"\r")
        if b"\n" in line[:MAX_CHUNK_LINE_OCTETS]:
            raise MalformedRequest("a line of the chunked coding has a bare LF (RFC 9112 §7.1)")
        if len(line) > MAX_CHUNK_LINE_OCTETS:
            if self._in_trailer:
                raise HeadTooLarge(f"a trailer line exceeds {MAX_CHUNK_LINE_OCTETS} octets")
            raise ContentTooLarge(f"a chunk's size line exceeds {MAX_CHUNK_LINE_OCTETS} octets")
        if end < 0:
            return at
        if self._in_trailer:
            self._read_trailer_line(line)
        else:
            self._read_size(line)
        return end + 2

    def _read_size(self, line: bytes) -> None:
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise MalformedRequest(
                f"{line[:40]!r} is not a hexadecimal chunk size and extensions (RFC 9112 §7.1)"
            )
        self._extensions += len(line) - match.end(1)
        if self._extensions > MAX_EXTENSIONS_OCTETS:
            raise ContentTooLarge(f"the chunk extensions exceed {MAX_EXTENSIONS_OCTETS} octets")
        size = int(match[1], 16)
        if size > self._left:
            raise ContentTooLarge(f"the chunked body exceeds the limit of {self._limit} octets")
        self._left -= size
        self._in_trailer = size == 0
        self._missing = size + 2 if size else 0

    def _read_trailer_line(self, line: bytes) -> None:
        if not line:
            self.complete = True
            return
        self._trailer += len(line) + 2
        self._trailer_lines += 1
        if self._trailer > MAX_TRAILER_OCTETS or self._trailer_lines > MAX_FIELD_LINES:
            raise HeadTooLarge(
                f"the trailer section exceeds {MAX_TRAILER_OCTETS} octets or {MAX_FIELD_LINES} lines"
            )
        if not _FIELD_LINE.fullmatch(line):
            raise MalformedRequest(
                f"the trailer line {line[:40]!r} is not NAME: VALUE (RFC 9112 §7.1.2)"
            )
        name = line.partition(b":")[0].decode()
        if name.lower() in FRAMING_FIELDS:
            raise MalformedRequest(f"{name} in a trailer (RFC 9110 §6.5.1)")
