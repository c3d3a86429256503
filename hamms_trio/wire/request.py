"""Request heads, read incrementally (RFC 9112 §3, §5).

The whole head is validated before any of it is believed, and what could be read in two ways is
refused: the framing of the body above all (RFC 9112 §6.3, §11.2).

Reading is fast because clients repeat themselves. Two bounded memories are keyed by the octets
themselves, so a hit cannot mean anything that a miss would not: field lines seen before, and whole
heads seen at least twice (a head seen once is likely to be unique, and would only crowd the rest out).
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TypeVar
from urllib.parse import parse_qsl

from hamms_trio.errors import (
    HeadTooLarge,
    MalformedRequest,
    RequestError,
    UnknownTransferCoding,
    UnsupportedVersion,
)

T = TypeVar("T")

# Its empty line included; nginx 32 KiB, Tomcat 8 KiB: nobody sends more by accident.
MAX_HEAD_OCTETS = 64 * 1024
MAX_FIELD_LINES = 256  # Apache's LimitRequestFields and hyper's limit are 100
MAX_FORM_FIELDS = 100
MAX_FORM_OCTETS = 8 * 1024  # of a query too; what is longer takes long to decode

_MEMORY_ENTRIES = 4096
_MEMORY_LINE_OCTETS = 256
_MEMORY_HEADS = 1024
MEMORY_HEAD_OCTETS = 4096

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
_OTHER_PROTOCOL = re.compile(TOKEN + rb" [\x21-\x7e]+ (" + TOKEN + rb"/[0-9]\.[0-9])")
# field-vchar, SP and HTAB only; no space before the colon, no folding (RFC 9112 §5.1, §5.2). The
# whitespace around the value is stripped afterwards: matching it too takes cubic time to fail.
FIELD_LINE = re.compile(TOKEN + rb":[\x20-\x7e\x80-\xff\t]*")
# uri-host [ ":" port ], an RFC 6874 zone included (RFC 9110 §7.2, RFC 3986 §3.2.2)
_HOST = re.compile(r"(?:\[[\w:.%~-]+\]|[\w.~%!$&'()*+,;=-]*)(?::[0-9]*)?", re.ASCII)
_CODING = re.compile(TOKEN.decode())
# What a request may be called by its client, to be taken over.
REQUEST_ID = re.compile(rb"[\w.:/+=@~-]{1,128}")
# A whole line that says so, as nearly everybody writes it.
_NAMING_LINE = re.compile(rb"\r\n(?i:x-request-id): (" + REQUEST_ID.pattern + rb")(?=\r\n)")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)


class Oddity(Enum):
    """What the RFCs let pass in a head, and a strict server may refuse."""

    EMPTY_HOST = "an empty Host (RFC 9112 §3.2)"
    EXPECTATION = "an expectation other than 100-continue (RFC 9110 §10.1.1)"
    HIGHER_VERSION = "a minor version above 1 (RFC 9110 §2.5)"


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

    def __init__(self, octets: bytes, line: _RequestLine) -> None:
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
        return tuple(map(_split_field_line, self.octets[:-4].split(b"\r\n")[1:]))

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


def _origin_form(target: str) -> str:
    """The path and query of any request target; a proxy is sent an absolute one (RFC 9112 §3.2).

    Raises:
        MalformedRequest: its authority is empty, names a user (RFC 9110 §4.2), or is no host and port.
    """
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return target
    authority = absolute[1]
    if not _HOST.fullmatch(authority) or authority[:1] in ("", ":"):
        raise MalformedRequest(
            f"{authority[:80]!r} in the target is not a host and port (RFC 9112 §3.2)"
        )
    rest = target[absolute.end() :]
    return rest if rest[:1] == "/" else "/" + rest


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


def split_request_id(octets: bytes) -> tuple[bytes, bytes] | None:
    """A head without the line that calls it `REQUEST_ID`, and what that says; None if there is no such line.

    Clients that call each request differently send heads that differ in nothing else. That line is valid
    wherever it stands and says nothing of framing, so what is known of the rest holds for the whole.
    """
    parts = _NAMING_LINE.split(octets, 2)
    return (parts[0] + parts[2], parts[1]) if len(parts) == 3 else None


def parse_head(octets: bytes) -> RequestHead:
    """Validate and read one whole head, its empty line included.

    Raises:
        RequestError: it breaks RFC 9112, or its body's length could be read in two ways.
    """
    lines = octets[:-4].split(b"\r\n")
    if len(lines) > 1 + MAX_FIELD_LINES:
        raise HeadTooLarge(f"the head has more than {MAX_FIELD_LINES} field lines")
    first = lines[0]
    request = RequestHead(octets, _REQUEST_LINES.get(first) or read_request_line(first))
    known, hosts, telling = _FIELD_LINES.get, 0, []
    del lines[0]
    for line in lines:
        field = known(line, _UNKNOWN)
        if field is _UNKNOWN:
            field = _read_field_line(line)
        if field is not None:
            if field is _HOST_FIELD:
                hosts += 1
            elif field is _REQUEST_ID_FIELD:
                request.request_id = line[13:].strip(b" \t")
            elif field is _TRACEPARENT_FIELD:
                request.traceparent = line[12:].strip(b" \t")
            else:
                telling.append(field)
    if hosts != 1 or _EMPTY_HOST_FIELD in telling:
        hosts += telling.count(_EMPTY_HOST_FIELD)
    if hosts > 1 or (not hosts and request.minor_version == 1):
        raise MalformedRequest(f"{hosts} Host fields, where one is needed (RFC 9112 §3.2)")
    if telling and telling != _TELLS_NOTHING_NEW[request.minor_version]:
        _apply(request, telling)
    _remember_head(request)
    return request


# Method, target, minor version, path, query, oddities.
_RequestLine = tuple[str, str, int, str, str, tuple[Oddity, ...]]
# Name and value of a field that decides how a message is read; None if it is of no interest to that.
_TellingField = tuple[str, str] | None
TELLING = frozenset((b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"))
_UNKNOWN: _TellingField = ("", "")
_HOST_FIELD: _TellingField = ("host", "")  # of a host only its presence tells
_EMPTY_HOST_FIELD = ("host", "empty")
# What every request is called by; often different in each, so it is read out of the line.
_REQUEST_ID_FIELD: _TellingField = ("x-request-id", "")
_TRACEPARENT_FIELD: _TellingField = ("traceparent", "")
_IDENTIFYING = {b"x-request-id": _REQUEST_ID_FIELD, b"traceparent": _TRACEPARENT_FIELD}
# What most clients send by habit (RFC 9112 §9.3): for each minor version what changes nothing there.
_TELLS_NOTHING_NEW = ([("connection", "close")], [("connection", "keep-alive")])

_REQUEST_LINES: dict[bytes, _RequestLine] = {}
_FIELD_LINES: dict[bytes, _TellingField] = {}
_NAMES: dict[bytes, _TellingField] = {}  # of fields that are of no interest to framing
_HEADS: dict[bytes, RequestHead] = {}
_HEADS_SEEN_ONCE: set[int] = set()


def read_request_line(line: bytes) -> _RequestLine:
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        if other := _OTHER_PROTOCOL.fullmatch(line):
            raise UnsupportedVersion(f"{other[1].decode()[:40]} is not HTTP/1.1 or 1.0")
        raise MalformedRequest(describe_junk(line))
    method, target, major, minor = (group.decode() for group in match.groups())
    if major != "1":
        raise UnsupportedVersion(f"HTTP/{major}.{minor} is not HTTP/1.1 or 1.0")
    # A fragment is none of a server's business, but some clients send it.
    path, _, query = _origin_form(target).partition("#")[0].partition("?")
    # A higher minor version is processed as the highest we have (RFC 9110 §2.5).
    oddities = (Oddity.HIGHER_VERSION,) if int(minor) > 1 else ()
    read = (method, target, min(int(minor), 1), path, query, oddities)
    _remember_line(_REQUEST_LINES, line, read)
    return read


def _read_field_line(line: bytes) -> _TellingField:
    name, colon, _ = line.partition(b":")
    if colon and name in _NAMES and line.decode("latin-1").isprintable():
        # A line like `X-Request-ID: <unique>`: its name has been checked, and needs no regex.
        read = _NAMES[name]
        _remember_line(_FIELD_LINES, line, read)
        return read
    if not FIELD_LINE.fullmatch(line):
        raise MalformedRequest(f"the field line {_excerpt(line)} is not NAME: VALUE (RFC 9112 §5)")
    lowered = name.lower()
    read = _IDENTIFYING.get(lowered)
    if lowered not in TELLING:
        _remember_line(_NAMES, name, read)
    elif lowered == b"host":
        read = _read_host(_split_field_line(line)[1])
    else:
        read = (lowered.decode(), _split_field_line(line)[1])
    _remember_line(_FIELD_LINES, line, read)
    return read


def _read_host(value: str) -> _TellingField:
    if not _HOST.fullmatch(value):
        raise MalformedRequest(f"the Host {value[:80]!r} is not a host and port (RFC 9112 §3.2)")
    return _EMPTY_HOST_FIELD if value[:1] in ("", ":") else _HOST_FIELD


def _split_field_line(line: bytes) -> tuple[str, str]:
    name, _, value = line.partition(b":")
    return name.decode(), value.strip(b" \t").decode("latin-1")


def _remember_line(memory: dict[bytes, T], line: bytes, read: T) -> None:
    if len(line) <= _MEMORY_LINE_OCTETS:
        if len(memory) >= _MEMORY_ENTRIES:
            memory.clear()
        memory[line] = read


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
    if _EMPTY_HOST_FIELD in telling:
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


def _remember_head(request: RequestHead) -> None:
    octets = request.octets
    if len(octets) > MEMORY_HEAD_OCTETS or request.expects_continue or request.has_body:
        return
    fingerprint = hash(octets)
    if fingerprint not in _HEADS_SEEN_ONCE:
        if len(_HEADS_SEEN_ONCE) >= _MEMORY_ENTRIES:
            _HEADS_SEEN_ONCE.clear()
        _HEADS_SEEN_ONCE.add(fingerprint)
        return
    if len(_HEADS) >= _MEMORY_HEADS:
        _HEADS.clear()
    _HEADS[octets] = request


def describe_junk(line: bytes) -> str:
    if line[:2] == b"\x16\x03":
        return "this is a TLS ClientHello, and this port speaks plain HTTP: use http://"
    return f"{_excerpt(line)} is not the request line METHOD TARGET HTTP/1.1 (RFC 9112 §3)"


def _excerpt(octets: bytes) -> str:
    return repr(octets[:80])[1:]


__all__ = [
    "MAX_HEAD_OCTETS",
    "RequestError",
    "RequestHead",
    "parse_form",
    "parse_head",
    "recall_head",
]
