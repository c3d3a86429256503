"""Responses, read incrementally (RFC 9112 §4, §6.3).

A body whose length can be read in two ways is refused; a body that ends with the connection is allowed.
"""

from __future__ import annotations

from hamms_trio.errors import IncompleteResponse, MalformedResponse, RequestError
from hamms_trio.wire.http1.body import BodyReader
from hamms_trio.wire.http1.request import MAX_HEAD_OCTETS
from hamms_trio.wire.http1.response import ResponseHead, describe_junk, parse_response_head
from hamms_trio.wire.http1.section import BARE_LF
from hamms_trio.wire.status import is_interim

_BEGINNING = b"HTTP/1."


class ResponseReader:
    """A reader of the responses to requests of one method.

    Pass the octets that have arrived to `receive`; after each response, call it again without octets, since
    another response may be complete. The reader counts interim responses and discards bodies. After an error,
    the beginning of the next response can't be found.
    """

    __slots__ = (
        "_at",
        "_body",
        "_buffer",
        "_head",
        "_latest",
        "_method",
        "_missing",
        "_scanned",
        "interim",
    )

    def __init__(self, method: str) -> None:
        self._method = method
        self._buffer = b""
        self._at = 0  # the position in the buffer
        self._scanned = 0  # octets of an incomplete head that are checked
        self._head: ResponseHead | None = None  # of the response whose body is being read
        self._body: BodyReader | None = None  # of a chunked body
        self._missing = 0  # octets left of a body with a length
        # Cached, since many responses repeat the previous head.
        self._latest: ResponseHead | None = None
        self.interim = 0

    @property
    def has_more(self) -> bool:
        """True if octets are buffered beyond the responses returned so far."""
        return self._at < len(self._buffer)

    @property
    def is_between(self) -> bool:
        """True if no octet of the next response has arrived."""
        return self._head is None and not self.has_more

    def receive(self, data: bytes = b"") -> ResponseHead | None:
        """Return the next complete response, or None if more octets are needed for it.

        Raises:
            MalformedResponse: the octets are not a response, or exceed a limit.
        """
        at, buffer = self._at, self._buffer
        if at < len(buffer):
            if data:
                self._buffer, self._at = buffer[at:] + data, 0
        else:
            self._buffer, self._at = data, 0
        while self._head is None:
            head = self._take_head()
            if head is None:
                return None
            if is_interim(head.status):
                self.interim += 1
            else:
                self._begin_body(head)
        head = self._head
        if not self._take_body(head):
            return None
        self._head = None
        return head

    def end(self) -> ResponseHead | None:
        """Note the end of the connection; return the response that the end completes, or None.

        Raises:
            IncompleteResponse: the connection has ended within a response.
        """
        head = self._head
        if head is not None and head.until_close:
            self._head = None
            return head
        if self.is_between:
            return None
        where = "head" if head is None else "body"
        raise IncompleteResponse(f"the connection ended within a response's {where} (RFC 9112 §8)")

    def _take_head(self) -> ResponseHead | None:
        buffer, at = self._buffer, self._at
        end = buffer.find(b"\r\n\r\n", at + max(0, self._scanned - 3)) + 4
        if end < 4 or end - at > MAX_HEAD_OCTETS:
            self._check_incomplete()
            return None
        self._at, self._scanned = end, 0
        octets = buffer[at:end]
        if self._latest is None or self._latest.octets != octets:
            self._latest = parse_response_head(octets, self._method)
        return self._latest

    def _check_incomplete(self) -> None:
        """Refuse a defect that no further octet can repair."""
        octets = self._buffer[self._at :]
        scanned, self._scanned = self._scanned, len(octets)
        if len(octets) >= MAX_HEAD_OCTETS:
            raise MalformedResponse(f"the head exceeds {MAX_HEAD_OCTETS} octets")
        if not octets.startswith(_BEGINNING[: len(octets)]):
            raise MalformedResponse(describe_junk(octets))
        if BARE_LF.search(octets, scanned):
            raise MalformedResponse("a line ends in LF without CR (RFC 9112 §2.2)")

    def _begin_body(self, head: ResponseHead) -> None:
        self._head = head
        self._missing = head.content_length
        self._body = BodyReader(head) if head.chunked else None

    def _take_body(self, head: ResponseHead) -> bool:
        """Discard the body's octets; return True once the body is complete."""
        if self._body is not None:
            return self._take_chunks(self._body)
        there = len(self._buffer) - self._at
        if head.until_close or there < self._missing:
            self._missing -= there
            self._buffer, self._at = b"", 0
            return False
        self._at += self._missing
        return True

    def _take_chunks(self, body: BodyReader) -> bool:
        try:
            body.feed(self._buffer[self._at :])
        except RequestError as error:  # the coding is the same in both directions
            raise MalformedResponse(str(error)) from None
        if body.complete:
            self._at = len(self._buffer) - len(body.rest)
            return True
        self._buffer, self._at = b"", 0
        return False
