"""Responses, read incrementally (RFC 9112 §4, §6.3), as a client has to.

As strict as the reading of requests: the whole head is validated before any of it is believed, and a
body whose length could be read in two ways is refused. Two things are allowed that a request may not
do: folded field lines, which a client has to unfold (RFC 9112 §5.2), and a body that ends with the
connection. One thing is forgiven: a status line without the space before an empty reason phrase, which
many servers forget and every client takes.

Servers repeat themselves even more than clients do. A whole message that begins with the octets of the
one before it is that message again, and of a new head only the field lines not seen before are read.
"""

from __future__ import annotations

import re

from hamms_trio.errors import IncompleteResponse, MalformedResponse, RequestError
from hamms_trio.wire.body import BodyReader
from hamms_trio.wire.request import MAX_HEAD_OCTETS
from hamms_trio.wire.section import MAX_FIELD_LINES
from hamms_trio.wire.status import has_no_body, is_interim

_REPEATED_OCTETS = 8 * 1024  # a longer message is not compared with the one before it
_MEMORY_ENTRIES = 4096
_MEMORY_LINE_OCTETS = 256

_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: [\x20-\x7e\x80-\xff\t]*)?")
_BEGINNING = b"HTTP/1."
_FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\x20-\x7e\x80-\xff\t]*)")
_FOLD = re.compile(rb"\r\n[ \t]+")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_CODING = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+(?:[ \t]*;[\x20-\x7e\t]*)?")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_TELLING = frozenset((b"content-length", b"transfer-encoding", b"connection"))


class ResponseHead:
    """One response's status line and header section, as far as they say how to read on.

    Attributes:
        until_close: whether the body ends with the connection.
        persistent: whether the connection may be used again (RFC 9112 §9.3).
    """

    __slots__ = (
        "chunked",
        "content_length",
        "minor_version",
        "octets",
        "persistent",
        "status",
        "until_close",
    )

    def __init__(self, octets: bytes, status: int, minor_version: int) -> None:
        self.octets = octets
        self.status = status
        self.minor_version = minor_version
        self.content_length = 0
        self.chunked = False
        self.until_close = False
        self.persistent = minor_version == 1

    @property
    def has_body(self) -> bool:
        return self.chunked or self.until_close or self.content_length > 0

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status}>"


class ResponseReader:
    """Turns octets, in whatever pieces they come, into the responses to requests of one method.

    Give what has arrived to `receive`; while it returns a response there may be another, so ask again
    without octets. Interim responses are counted and passed over, bodies are passed over. Once it has
    raised, where the next response begins can't be known any more.
    """

    __slots__ = (
        "_at",
        "_body",
        "_buffer",
        "_head",
        "_method",
        "_missing",
        "_repeated",
        "_repeated_head",
        "_scanned",
        "interim",
    )

    def __init__(self, method: str) -> None:
        self._method = method
        self._buffer = b""
        self._at = 0  # where in the buffer reading goes on
        self._scanned = 0  # octets of an incomplete head that have been looked at
        self._head: ResponseHead | None = None  # of the response whose body is being read
        self._body: BodyReader | None = None  # of a chunked one
        self._missing = 0  # octets of a counted one
        self._repeated = b""
        self._repeated_head: ResponseHead | None = None
        self.interim = 0

    @property
    def has_more(self) -> bool:
        """Whether octets are there that were not part of the responses returned so far."""
        return self._at < len(self._buffer)

    @property
    def is_between(self) -> bool:
        """Whether nothing has come of the next response."""
        return self._head is None and not self.has_more

    def receive(self, data: bytes = b"") -> ResponseHead | None:
        """The next complete response, or None if more octets are needed for it.

        Raises:
            MalformedResponse: what has come is no response, or exceeds our limits.
        """
        at, buffer = self._at, self._buffer
        if at < len(buffer):
            if data:
                self._buffer = buffer = buffer[at:] + data
                self._at = at = 0
        else:
            self._buffer, self._at, buffer, at = data, 0, data, 0
        head = self._repeated_head
        if head is not None and self._head is None and buffer.startswith(self._repeated, at):
            self._at, self._scanned = at + len(self._repeated), 0
            return head
        return self._read()

    def end(self) -> ResponseHead | None:
        """Note that the connection has ended: the response that this completes, if there is one.

        Raises:
            IncompleteResponse: it has ended within a response.
        """
        head = self._head
        if head is not None and head.until_close:
            self._head = None
            return head
        if self.is_between:
            return None
        where = "head" if head is None else "body"
        raise IncompleteResponse(f"the connection ended within a response's {where} (RFC 9112 §8)")

    def _read(self) -> ResponseHead | None:
        begin, buffer = self._at, self._buffer
        from_head = self._head is None
        while self._head is None:
            head = self._take_head()
            if head is None:
                return None
            if is_interim(head.status):
                self.interim += 1
                begin = self._at
            else:
                self._begin_body(head)
        head = self._head
        if not self._take_body(head):
            return None
        self._head = None
        if from_head and buffer is self._buffer and self._at - begin <= _REPEATED_OCTETS:
            self._repeated, self._repeated_head = buffer[begin : self._at], head
        return head

    def _take_head(self) -> ResponseHead | None:
        buffer, at = self._buffer, self._at
        end = buffer.find(b"\r\n\r\n", at + max(0, self._scanned - 3)) + 4
        if end < 4 or end - at > MAX_HEAD_OCTETS:
            self._check_incomplete()
            return None
        self._at, self._scanned = end, 0
        return parse_response_head(buffer[at:end], self._method)

    def _check_incomplete(self) -> None:
        """Refuse now what no further octet can mend."""
        octets = self._buffer[self._at :]
        scanned, self._scanned = self._scanned, len(octets)
        if len(octets) >= MAX_HEAD_OCTETS:
            raise MalformedResponse(f"the head exceeds {MAX_HEAD_OCTETS} octets")
        if not octets.startswith(_BEGINNING[: len(octets)]):
            raise MalformedResponse(_describe_junk(octets))
        if _BARE_LF.search(octets, scanned):
            raise MalformedResponse("a line ends in LF without CR (RFC 9112 §2.2)")

    def _begin_body(self, head: ResponseHead) -> None:
        self._head = head
        self._missing = head.content_length
        self._body = BodyReader(head) if head.chunked else None

    def _take_body(self, head: ResponseHead) -> bool:
        """Pass over what has come of the body; whether that was all of it."""
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


def parse_response_head(octets: bytes, method: str) -> ResponseHead:
    """Validate and read one whole head, its empty line included.

    Args:
        method: of the request that it answers, which decides whether there is a body.

    Raises:
        MalformedResponse: it breaks RFC 9112, or its body's length could be read in two ways.
    """
    lines = octets[:-4].split(b"\r\n")
    match = _STATUS_LINE.fullmatch(lines[0])
    if match is None:
        raise MalformedResponse(_describe_junk(lines[0]))
    if len(lines) > 1 + MAX_FIELD_LINES:
        raise MalformedResponse(f"the head has more than {MAX_FIELD_LINES} field lines")
    head = ResponseHead(octets, int(match[2]), min(int(match[1]), 1))
    del lines[0]
    if b"\r\n " in octets or b"\r\n\t" in octets:
        lines = _unfold(lines)
    telling = []
    known = _FIELD_LINES.get
    for line in lines:
        field = known(line, _UNKNOWN)
        if field is _UNKNOWN:
            field = _read_field_line(line)
        if field is not None:
            telling.append(field)
    _apply(head, telling, method)
    return head


# Name, in lower case, and value of a field that decides how a message is read; None of any other.
_TellingField = tuple[bytes, bytes] | None
_UNKNOWN: _TellingField = (b"", b"")
_FIELD_LINES: dict[bytes, _TellingField] = {}


def _unfold(lines: list[bytes]) -> list[bytes]:
    """Field lines as they were before they were folded (RFC 9112 §5.2)."""
    if lines[0][:1] in (b" ", b"\t"):
        raise MalformedResponse("whitespace before the first field line (RFC 9112 §2.2)")
    return _FOLD.sub(b" ", b"\r\n".join(lines)).split(b"\r\n")


def _read_field_line(line: bytes) -> _TellingField:
    match = _FIELD_LINE.fullmatch(line)
    if match is None:
        raise MalformedResponse(f"the field line {line[:80]!r} is not NAME: VALUE (RFC 9112 §5)")
    name = match[1].lower()
    read = (name, match[2].strip(b" \t")) if name in _TELLING else None
    if len(line) <= _MEMORY_LINE_OCTETS:
        if len(_FIELD_LINES) >= _MEMORY_ENTRIES:
            _FIELD_LINES.clear()
        _FIELD_LINES[line] = read
    return read


def _apply(head: ResponseHead, telling: list[tuple[bytes, bytes]], method: str) -> None:
    """Decide how the body ends (RFC 9112 §6.3) and whether the connection persists (§9.3)."""
    told: dict[bytes, list[bytes]] = {}
    for name, value in telling:
        told.setdefault(name, []).append(value)
    if b"connection" in told:
        options = _members(told[b"connection"])
        head.persistent = (head.persistent or b"keep-alive" in options) and b"close" not in options
    lengths, codings = told.get(b"content-length"), told.get(b"transfer-encoding")
    length = _content_length(lengths) if lengths else None
    if codings and length is not None:
        raise MalformedResponse("both Transfer-Encoding and Content-Length (RFC 9112 §6.3)")
    if head.status == 101:
        raise MalformedResponse("101 Switching Protocols, which was not asked for (RFC 9110 §7.8)")
    if has_no_body(head.status) or method == "HEAD":
        return
    if codings:
        _apply_transfer_coding(head, codings)
    elif length is not None:
        head.content_length = length
    else:
        head.until_close = True
    if head.until_close:
        head.persistent = False


def _apply_transfer_coding(head: ResponseHead, values: list[bytes]) -> None:
    codings = _members(values)
    if head.minor_version == 0:
        raise MalformedResponse("Transfer-Encoding in an HTTP/1.0 response (RFC 9112 §6.1)")
    if not all(map(_CODING.fullmatch, codings)):
        named = b", ".join(codings)[:80].decode("latin-1")
        raise MalformedResponse(
            f"Transfer-Encoding {named!r} is no list of codings (RFC 9112 §6.1)"
        )
    if b"chunked" in codings[:-1]:
        raise MalformedResponse("chunked is not the last transfer coding (RFC 9112 §6.1)")
    head.chunked = codings[-1] == b"chunked"
    head.until_close = not head.chunked


def _members(values: list[bytes]) -> list[bytes]:
    """The members of a field that is a list, its lines combined (RFC 9110 §5.3, §5.6.1)."""
    return [member.strip(b" \t") for member in b",".join(values).lower().split(b",")]


def _content_length(values: list[bytes]) -> int:
    """The one length; repeated ones may be refused (RFC 9112 §6.3), which is safer than choosing."""
    if len(values) != 1 or not _LENGTH.fullmatch(values[0]):
        named = b", ".join(values)[:80].decode("latin-1")
        raise MalformedResponse(f"Content-Length {named!r} is not one whole number")
    return int(values[0])


def _describe_junk(octets: bytes) -> str:
    if octets[:1] in (b"\x15", b"\x16") and octets[1:2] == b"\x03":
        return "this is TLS, and plain HTTP was expected: use https://"
    return f"{octets[:80]!r} is not the status line HTTP/1.1 STATUS REASON (RFC 9112 §4)"
