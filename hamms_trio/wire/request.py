"""Request heads, read whole (RFC 9112 §3, §5, §6).

The whole head is validated before any of it is believed, and what could be read in two ways is
refused: the framing of the body above all (RFC 9112 §6.3, §11.2).

Reading is fast because clients repeat themselves: whole heads that have come twice are remembered, and so
are request lines, header sections and field lines (see `memory`).
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from hamms_trio.errors import MalformedRequest, RequestError, UnknownTransferCoding
from hamms_trio.wire.memory import Memory, Sightings
from hamms_trio.wire.request_line import TOKEN, Oddity, RequestLine, read_request_line
from hamms_trio.wire.section import (
    EMPTY_HOST_FIELD,
    MAX_FIELD_LINES,
    read_section,
    split_field_line,
    too_many_lines,
)

# Its empty line included; nginx 32 KiB, Tomcat 8 KiB: nobody sends more by accident.
MAX_HEAD_OCTETS = 64 * 1024
MAX_FORM_FIELDS = 100
MAX_FORM_OCTETS = 8 * 1024  # of a query too; what is longer takes long to decode
MEMORY_HEADS = 1024
MEMORY_HEAD_OCTETS = 4096

_CODING = re.compile(TOKEN.decode())
# What a request may be called by its client, to be taken over.
MAX_REQUEST_ID_OCTETS = 128
REQUEST_ID = re.compile(rb"[\w.:/+=@~-]{1,%d}" % MAX_REQUEST_ID_OCTETS)
# A whole line that says so, as nearly everybody writes it.
_NAMING_LINE = re.compile(rb"\r\n(?i:x-request-id): (" + REQUEST_ID.pattern + rb")(?=\r\n)")


class RequestHead:
    """One request's start line and header section. Immutable, so equal octets may share one."""

    __slots__ = (
        "chunked",
        "content_length",
        "expects_continue",
        "method",
        "minor_version",
        "octets",
        "oddities",
        "path",
        "persistent",
        "query_string",
        "request_id",
        "target",
        "traceparent",
    )

    def __init__(self, octets: bytes, line: RequestLine) -> None:
        self.octets = octets
        (
            self.method,
            self.target,
            self.minor_version,
            self.path,
            self.query_string,
            self.oddities,
        ) = line
        self.request_id: bytes | None = None  # what X-Request-ID says; of two lines the last
        self.traceparent: bytes | None = None
        self.content_length = 0
        self.chunked = False
        self.expects_continue = False
        self.persistent = self.minor_version == 1

    def called(self, octets: bytes, request_id: bytes) -> RequestHead:
        """The same head with a line that calls it so (see `split_request_id`)."""
        head = RequestHead.__new__(RequestHead)
        head.octets = octets
        head.method = self.method
        head.target = self.target
        head.minor_version = self.minor_version
        head.path = self.path
        head.query_string = self.query_string
        head.oddities = self.oddities
        head.request_id = request_id
        head.traceparent = self.traceparent
        head.content_length = self.content_length
        head.chunked = self.chunked
        head.expects_continue = self.expects_continue
        head.persistent = self.persistent
        return head

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The header section, name and value, as it was sent.

        Read anew each time: heads are kept by the thousand, and this takes many times their octets.
        """
        return tuple(map(split_field_line, self.octets[:-4].split(b"\r\n")[1:]))

    @property
    def has_body(self) -> bool:
        return self.chunked or self.content_length > 0

    @property
    def query(self) -> dict[str, str]:
        """The target's query as a form; of a name given twice the last counts.

        Raises:
            MalformedRequest: it is longer than `MAX_FORM_OCTETS`, or has more than `MAX_FORM_FIELDS`.
        """
        return parse_form(self.query_string)

    def get(self, name: str) -> str | None:
        """The field's value, its lines combined (RFC 9110 §5.3), or None; ``name`` in lower case."""
        values = [value for field, value in self.fields if field.lower() == name]
        return ", ".join(values) if values else None

    def __repr__(self) -> str:
        return f"<RequestHead {self.method} {self.target}>"


def parse_form(text: str) -> dict[str, str]:
    """Fields of an application/x-www-form-urlencoded text.

    Raises:
        MalformedRequest: it is longer than `MAX_FORM_OCTETS`, or has more than `MAX_FORM_FIELDS`.
    """
    if not text:
        return {}
    if len(text) > MAX_FORM_OCTETS:
        raise MalformedRequest(f"a query or form of more than {MAX_FORM_OCTETS} octets")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS))
    except ValueError:
        raise MalformedRequest(f"more than {MAX_FORM_FIELDS} fields in a query or form") from None


def recall_head(octets: bytes) -> RequestHead | None:
    """The head that these octets are, if they have been read at least twice and are remembered."""
    return _HEADS.get(octets)


def split_request_id(octets: bytes) -> tuple[bytes, bytes, int] | None:
    """A head without the line that calls it `REQUEST_ID`, what that says, and where; None without such a line.

    Clients that call each request differently send heads that differ in nothing else. That line is valid
    wherever it stands and says nothing of framing, so what is known of the rest holds for the whole.
    """
    parts = _NAMING_LINE.split(octets, 2)
    if len(parts) != 3:
        return None
    before, request_id, after = parts
    return before + after, request_id, len(octets) - len(after) - len(request_id)


def is_request_id(octets: bytes) -> bool:
    """Whether this is a `REQUEST_ID`."""
    if octets.isalnum():  # which takes a fifth of the time
        return len(octets) <= MAX_REQUEST_ID_OCTETS
    return REQUEST_ID.fullmatch(octets) is not None


def parse_head(octets: bytes, parts: tuple[bytes, bytes, int] | None = None) -> RequestHead:
    """Validate and read one whole head, its empty line included.

    Args:
        parts: what `split_request_id` says of it, if that has been asked.

    Raises:
        RequestError: it breaks RFC 9112, or its body's length could be read in two ways.
    """
    nameless, request_id, _ = parts or (octets, None, 0)
    end = nameless.find(b"\r\n")
    request = RequestHead(octets, read_request_line(nameless[:end]))
    section = read_section(nameless[end:])
    if request_id is None:
        request_id = section.request_id
    elif section.request_id is not None:  # there is a second line, and the last counts
        return parse_head(octets)
    elif section.lines == MAX_FIELD_LINES:
        raise too_many_lines()
    request.request_id = request_id
    request.traceparent = section.traceparent
    if section.hosts != 1 and (section.hosts or request.minor_version):
        raise MalformedRequest(f"{section.hosts} Host fields, where one is needed (RFC 9112 §3.2)")
    telling = section.telling[request.minor_version]
    if telling:
        _apply(request, telling)
    if parts is None:
        _remember(request)
    return request


_HEADS: Memory[RequestHead] = Memory(MEMORY_HEADS, MEMORY_HEAD_OCTETS)
_SEEN_ONCE = Sightings()


def _remember(request: RequestHead) -> None:
    if not (request.expects_continue or request.has_body) and _SEEN_ONCE.again(request.octets):
        _HEADS.keep(request.octets, request)


def _apply(request: RequestHead, telling: list[tuple[str, str]]) -> None:
    """Let the fields that matter to framing and persistence say so (RFC 9112 §3.2, §6, §9.3)."""
    told: dict[str, list[str]] = {}
    for name, value in telling:
        told.setdefault(name, []).append(value)
    if lengths := told.get("content-length"):
        request.content_length = _content_length(lengths)
    if codings := told.get("transfer-encoding"):
        _apply_transfer_coding(request, codings, with_length=bool(lengths))
    if connection := told.get("connection"):
        options = _members(connection)
        kept = request.persistent or "keep-alive" in options
        request.persistent = kept and "close" not in options
    expectations = told.get("expect")
    if expectations and request.minor_version == 1:
        expected = _members(expectations)
        request.expects_continue = "100-continue" in expected
        if set(expected) - {"100-continue", ""}:
            request.oddities += (Oddity.EXPECTATION,)
    if EMPTY_HOST_FIELD in telling:
        request.oddities += (Oddity.EMPTY_HOST,)


def _members(values: list[str]) -> list[str]:
    """The members of a field that is a list, its lines combined (RFC 9110 §5.3, §5.6.1)."""
    return [member.strip(" \t") for member in ",".join(values).lower().split(",")]


def _content_length(values: list[str]) -> int:
    """The one length: repeated lines have to be equal, and a list is refused (RFC 9112 §6.3)."""
    value = values[0] if values.count(values[0]) == len(values) else ""
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise MalformedRequest(f"Content-Length {', '.join(values)[:80]!r} is not one whole number")
    return int(value)


def _apply_transfer_coding(request: RequestHead, values: list[str], *, with_length: bool) -> None:
    codings = _members(values)
    if with_length:
        raise MalformedRequest("both Transfer-Encoding and Content-Length (RFC 9112 §6.3)")
    if request.minor_version == 0:
        raise MalformedRequest("Transfer-Encoding in an HTTP/1.0 request (RFC 9112 §6.1)")
    named = repr(", ".join(codings)[:80])
    unknown = [coding for coding in codings if _CODING.fullmatch(coding) and coding != "chunked"]
    if unknown:
        raise UnknownTransferCoding(f"Transfer-Encoding {named}; only chunked is decoded")
    if codings != ["chunked"]:
        raise MalformedRequest(f"Transfer-Encoding {named} is not one chunked (RFC 9112 §6.3)")
    request.chunked = True


__all__ = [
    "MAX_HEAD_OCTETS",
    "RequestError",
    "RequestHead",
    "parse_form",
    "parse_head",
    "recall_head",
]
