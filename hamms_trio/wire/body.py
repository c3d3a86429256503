"""Request bodies, read incrementally (RFC 9112 §6, §7)."""

from __future__ import annotations

import re
from typing import Protocol

from hamms_trio.errors import ContentTooLarge, MalformedRequest, RequestError

MAX_CHUNK_LINE_OCTETS = 4096  # a chunk's size with its extensions, or one trailer field line
MAX_TRAILER_OCTETS = 16 * 1024
UNLIMITED = 1 << 64

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\x20-\x7e\x80-\xff\t]*)?")
_PLAIN_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\x20-\x7e\x80-\xff\t]*")


class Framed(Protocol):
    """A head that says where its message's body ends."""

    chunked: bool
    content_length: int

    @property
    def has_body(self) -> bool: ...


class BodyReader:
    """Takes one request's body out of the octets that follow its head.

    ``feed`` returns the content in what it was given; once ``complete``, ``rest`` holds the octets
    that belong to the next request. Once it has raised it goes on raising, since where the body
    ends can't be known any more.

    Args:
        limit: octets of content that a chunked body may have; more are refused with the size of the chunk.
    """

    __slots__ = (
        "_buffer",
        "_chunked",
        "_in_trailer",
        "_left",
        "_missing",
        "_problem",
        "_trailer",
        "complete",
        "rest",
    )

    def __init__(self, request: Framed, limit: int = UNLIMITED) -> None:
        self._left = limit
        self._chunked = request.chunked
        self._missing = request.content_length  # octets of the body, or of the current chunk
        self._in_trailer = False
        self._trailer = 0
        self._buffer = b""
        self._problem: RequestError | None = None
        self.complete = not request.has_body
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """The content octets among ``data``, decoded.

        Raises:
            MalformedRequest: the chunked coding is broken, or its lines exceed our limits.
            ContentTooLarge: a chunk exceeds the limit.
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
                # A chunk that is there as a whole, without extensions: most are, and tiny ones are many.
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
        """Read a chunk's size line or a trailer line; ``at`` again while it is incomplete."""
        end = buffer.find(b"\r\n", at)
        line = buffer[at:end] if end >= 0 else buffer[at:].removesuffix(b"\r")
        if len(line) > MAX_CHUNK_LINE_OCTETS or b"\n" in line:
            raise MalformedRequest("a chunk's size line or trailer is too long, or ends in bare LF")
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
                f"the chunk size {line[:40]!r} is not hexadecimal (RFC 9112 §7.1)"
            )
        size = int(match[1], 16)
        if size > self._left:
            raise ContentTooLarge("the chunks are more than is taken here")
        self._left -= size
        self._in_trailer = size == 0
        self._missing = size + 2 if size else 0

    def _read_trailer_line(self, line: bytes) -> None:
        if not line:
            self.complete = True
            return
        self._trailer += len(line)
        if self._trailer > MAX_TRAILER_OCTETS or not _TRAILER_LINE.fullmatch(line):
            raise MalformedRequest("the trailer section is malformed or too long (RFC 9112 §7.1.2)")
