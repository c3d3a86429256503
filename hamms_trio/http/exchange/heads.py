"""The heads of one connection's requests, which may arrive in pieces."""

from __future__ import annotations

from hamms_trio.errors import MalformedRequest
from hamms_trio.http.routes.match import Match
from hamms_trio.http.serving.service import Service
from hamms_trio.wire import RequestReader, parse_head

_CR, _LF = b"\r\n"
_LINE_ROOM = len("OPTIONS  HTTP/1.1")  # octets of a request line besides its target


class Heads:
    """The place of a connection before or within a head."""

    __slots__ = ("_had_empty_line", "_reader", "_refused", "_service")

    def __init__(self, service: Service) -> None:
        self._service = service
        self._had_empty_line = False  # before the next request line
        self._reader: RequestReader | None = None  # of an incomplete head
        self._refused = b""  # a head that was read whole, and has no match

    @property
    def is_reading(self) -> bool:
        """True if a head is incomplete."""
        return self._reader is not None

    def next(self, buffer: bytes) -> tuple[Match | None, bytes]:
        """Return the match of the next head, or None until it is complete; and the octets that follow it.

        Args:
            buffer: octets, of which those that are returned come again.

        Raises:
            RequestError: the head is malformed, or breaks one of the rules that hold for every route.
        """
        matcher, limits = self._service.matcher, self._service.limits
        if self._reader is None:
            if buffer[0] in (_CR, _LF):
                buffer = self._skip_empty_line(buffer)
                if buffer in (b"", b"\r"):
                    return None, buffer
            end = buffer.find(b"\r\n\r\n")
            if 0 < end <= limits.head - 4:
                octets = buffer[: end + 4]
                # Octets that are no valid head make `parse_head` raise the rule that they break.
                match = matcher.find(octets) or matcher.match(parse_head(octets))
                self._had_empty_line = False
                return match, buffer[end + 4 :]
            self._reader = RequestReader(limits.head, limits.target + _LINE_ROOM)
        self._reader.feed(buffer)
        head = self._reader.next_head()
        if head is None:
            return None, b""
        rest = self._reader.take()
        self._reader, self._refused = None, head.octets + rest
        match = matcher.match(head)
        self._had_empty_line, self._refused = False, b""
        return match, rest

    def take(self) -> bytes:
        """Return the octets of a head that was refused, as far as they were taken from the buffer."""
        reader, self._reader = self._reader, None
        return self._refused if reader is None else reader.take()

    def _skip_empty_line(self, buffer: bytes) -> bytes:
        """Ignore one empty line before a request line: some clients end a body with one (RFC 9112 §2.2)."""
        if self._had_empty_line or buffer[2:3] in (b"\r", b"\n"):
            raise MalformedRequest("more than one empty line before the request line")
        if buffer == b"\r":
            return buffer
        if buffer[:2] != b"\r\n":
            raise MalformedRequest("a bare CR or LF before the request line (RFC 9112 §2.2)")
        self._had_empty_line = True
        return buffer[2:]
