"""Header sections (RFC 9112 §5): the field lines of a head, and what they say of how it is read.

Clients repeat themselves, so sections seen before are remembered, and so are lines and names of others.
"""

from __future__ import annotations

import re

from hamms_trio.errors import HeadTooLarge, MalformedRequest
from hamms_trio.wire.memory import Memory, Sightings
from hamms_trio.wire.request_line import HOST, TOKEN, excerpt

MAX_FIELD_LINES = 256  # Apache's LimitRequestFields and hyper's limit are 100

# field-vchar, SP and HTAB only; no space before the colon, no folding (RFC 9112 §5.1, §5.2). The
# whitespace around the value is stripped afterwards: matching it too takes cubic time to fail.
FIELD_LINE = re.compile(TOKEN + rb":[\x20-\x7e\x80-\xff\t]*")
TELLING = frozenset((b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"))

# Name and value of a field that decides how a message is read; None if it is of no interest to that.
TellingField = tuple[str, str] | None
_UNKNOWN: TellingField = ("", "")
_HOST_FIELD: TellingField = ("host", "")  # of a host only its presence tells
EMPTY_HOST_FIELD = ("host", "empty")
# What every request is called by; often different in each, so it is read out of the line.
_REQUEST_ID_FIELD: TellingField = ("x-request-id", "")
_TRACEPARENT_FIELD: TellingField = ("traceparent", "")
_IDENTIFYING = {b"x-request-id": _REQUEST_ID_FIELD, b"traceparent": _TRACEPARENT_FIELD}
# What most clients send by habit (RFC 9112 §9.3): for each minor version what changes nothing there.
_TELLS_NOTHING_NEW = ([("connection", "close")], [("connection", "keep-alive")])


class Section:
    """A valid header section. Immutable, so equal octets may share one.

    Attributes:
        lines: how many there are.
        hosts: how many of them are Host.
        request_id: what X-Request-ID says; of two lines the last.
        telling: for each minor version the fields that say something of framing or persistence there.
        traceparent: what traceparent says; of two lines the last.
    """

    __slots__ = ("hosts", "lines", "request_id", "telling", "traceparent")

    def __init__(self, octets: bytes) -> None:
        lines = octets[2:-4].split(b"\r\n") if len(octets) > 4 else []
        if len(lines) > MAX_FIELD_LINES:
            raise too_many_lines()
        self.lines = len(lines)
        self.request_id: bytes | None = None
        self.traceparent: bytes | None = None
        known, hosts, telling = _LINES.get, 0, []
        for line in lines:
            field = known(line, _UNKNOWN)
            if field is _UNKNOWN:
                field = _read_line(line)
            if field is not None:
                if field is _HOST_FIELD:
                    hosts += 1
                elif field is _REQUEST_ID_FIELD:
                    self.request_id = line[13:].strip(b" \t")
                elif field is _TRACEPARENT_FIELD:
                    self.traceparent = line[12:].strip(b" \t")
                else:
                    telling.append(field)
        self.hosts = hosts + telling.count(EMPTY_HOST_FIELD)
        self.telling = [[] if telling == nothing else telling for nothing in _TELLS_NOTHING_NEW]


_SECTIONS: Memory[Section] = Memory(1024, 4096)
_SEEN_ONCE = Sightings()
_LINES: Memory[TellingField] = Memory(4096, 256)
_NAMES: Memory[TellingField] = Memory(4096, 256)  # of fields that are of no interest to framing


def read_section(octets: bytes) -> Section:
    """Validate and read the field lines of a head, from the CRLF before them to the empty line.

    Raises:
        HeadTooLarge: there are more than `MAX_FIELD_LINES`.
        MalformedRequest: one of them breaks the grammar.
    """
    section = _SECTIONS.get(octets)
    if section is None:
        section = Section(octets)
        if _SEEN_ONCE.again(octets):
            _SECTIONS.keep(octets, section)
    return section


def too_many_lines() -> HeadTooLarge:
    return HeadTooLarge(f"the head has more than {MAX_FIELD_LINES} field lines")


def split_field_line(line: bytes) -> tuple[str, str]:
    """Name and value of a valid field line."""
    name, _, value = line.partition(b":")
    return name.decode(), value.strip(b" \t").decode("latin-1")


def _read_line(line: bytes) -> TellingField:
    name, colon, _ = line.partition(b":")
    if colon and name in _NAMES and line.decode("latin-1").isprintable():
        # A line like `X-Request-ID: <unique>`: its name has been checked, and needs no regex.
        read = _NAMES[name]
        _LINES.keep(line, read)
        return read
    if not FIELD_LINE.fullmatch(line):
        raise MalformedRequest(f"the field line {excerpt(line)} is not NAME: VALUE (RFC 9112 §5)")
    lowered = name.lower()
    read = _IDENTIFYING.get(lowered)
    if lowered not in TELLING:
        _NAMES.keep(name, read)
    elif lowered == b"host":
        read = _read_host(split_field_line(line)[1])
    else:
        read = (lowered.decode(), split_field_line(line)[1])
    _LINES.keep(line, read)
    return read


def _read_host(value: str) -> TellingField:
    if not HOST.fullmatch(value):
        raise MalformedRequest(f"the Host {value[:80]!r} is not a host and port (RFC 9112 §3.2)")
    return EMPTY_HOST_FIELD if value[:1] in ("", ":") else _HOST_FIELD
