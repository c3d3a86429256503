"""Request heads, read incrementally.

The reader refuses a defect at once if no further octet can repair it: a client of another protocol may be waiting
for an answer.
"""

from __future__ import annotations

import re

from hamms_trio.errors import HeadTooLarge, MalformedRequest, TargetTooLong
from hamms_trio.wire.grammar import TOKEN
from hamms_trio.wire.http1.refusals import check_request_line, describe_junk
from hamms_trio.wire.http1.request import MAX_HEAD_OCTETS, RequestHead, parse_head, parse_if_whole
from hamms_trio.wire.http1.section import BARE_LF

# A request line whose CRLF has not arrived.
_REQUEST_LINE_BEGINNING = re.compile(TOKEN.encode() + rb"(?: [\x21-\x7e]*(?: [\x21-\x7e]*\r?)?)?")
_BEGINNING_OCTETS = 1024  # a longer line is checked only once complete, not with every octet
_EMPTY_LINES = re.compile(rb"(?:\r\n)+")


class RequestReader:
    """A reader of request heads; the caller reads the bodies.

    ``feed`` the octets that have arrived, then call ``next_head`` until it returns None; after a head, ``take`` the
    body's octets and ``give_back`` those that follow the body.

    Args:
        max_octets: limit of a head.
        max_line_octets: limit of its request line.
    """

    __slots__ = (
        "_buffer",
        "_in_request_line",
        "_last",
        "_max_line_octets",
        "_max_octets",
        "_scanned",
    )

    def __init__(
        self,
        max_octets: int = MAX_HEAD_OCTETS,
        max_line_octets: int = MAX_HEAD_OCTETS - 2,
    ) -> None:
        self._max_octets = max_octets
        self._max_line_octets = max_line_octets
        self._buffer = b""
        self._scanned = 0  # octets of an incomplete head; 0 where a new one begins
        self._in_request_line = True
        self._last: RequestHead | None = None  # a client that polls repeats its head octet by octet

    @property
    def is_empty(self) -> bool:
        """True if no octet of the next head has arrived."""
        return not self._buffer

    def feed(self, data: bytes) -> None:
        """Add octets that have arrived."""
        self._buffer = self._buffer + data if self._buffer else data

    give_back = feed

    def take(self) -> bytes:
        """Remove and return the octets that belong to no head returned so far."""
        taken, self._buffer, self._scanned = self._buffer, b"", 0
        return taken

    def next_head(self) -> RequestHead | None:
        """Return the next complete head, or None while it is incomplete.

        Raises:
            RequestError: the head is malformed or too large.
        """
        buffer, last = self._buffer, self._last
        if last is not None and buffer.startswith(last.octets):
            self._buffer, self._scanned = buffer[len(last.octets) :], 0
            return last
        if buffer[:2] == b"\r\n":  # RFC 9112 §2.2: empty lines before a request are ignored
            buffer = self._buffer = _EMPTY_LINES.sub(b"", buffer, count=1)
        if not buffer or buffer == b"\r":
            return None
        if not self._scanned and len(buffer) <= self._max_octets:
            head = parse_if_whole(buffer)
            if head is not None:  # the usual case
                self._buffer, self._last = b"", head
                return head
        end = buffer.find(b"\r\n\r\n", self._scanned and max(0, self._scanned - 3))
        if end < 0 or end + 4 > self._max_octets:
            self._check_incomplete()
            if end >= 0 or len(buffer) >= self._max_octets:
                raise HeadTooLarge(f"the head exceeds {self._max_octets} octets")
            return None
        head = self._last = parse_head(buffer[: end + 4])
        self._buffer, self._scanned = buffer[end + 4 :], 0
        return head

    def _check_incomplete(self) -> None:
        buffer, scanned = self._buffer, self._scanned
        self._scanned = len(buffer)
        if self._in_request_line or not scanned:
            self._check_request_line(buffer, scanned)
        if BARE_LF.search(buffer, scanned):
            raise MalformedRequest("a line ends in LF without CR (RFC 9112 §2.2)")

    def _check_request_line(self, buffer: bytes, scanned: int) -> None:
        end = buffer.find(b"\r\n", max(0, scanned - 1))
        ended = end >= 0
        early = not ended and scanned < _BEGINNING_OCTETS
        if early and not _REQUEST_LINE_BEGINNING.fullmatch(buffer):
            raise MalformedRequest(describe_junk(buffer.decode("latin-1")))
        if (end if ended else len(buffer)) > self._max_line_octets:
            raise TargetTooLong(f"the request line exceeds {self._max_line_octets} octets")
        if ended:
            check_request_line(buffer[:end].decode("latin-1"))
        self._in_request_line = not ended
