"""Request heads, read whole (RFC 9112 §3, §5, §6).

The whole head is validated before any of it is used. A head that can be read in two ways is refused, above all if
the framing of the body can (RFC 9112 §6.3, §11.2).
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from hamms_trio.errors import MalformedRequest, RequestError, UnknownTransferCoding
from hamms_trio.wire.fields.forms import parse_form
from hamms_trio.wire.grammar import TOKEN
from hamms_trio.wire.http1.refusals import (
    check_host,
    check_request_line,
    explain_refusal,
    origin_form,
)
from hamms_trio.wire.http1.section import (
    SECTION,
    list_members,
    scan_for,
    split_field_line,
)

# Its empty line included. nginx allows 32 KiB, Tomcat 8 KiB.
MAX_HEAD_OCTETS = 64 * 1024

_HEAD = re.compile(
    rf"""
    ({TOKEN})\x20           # method: RFC 9110 §9.1
    ([\x21-\x7e]++)\x20     # request target: visible characters, RFC 9112 §3.2
    HTTP/1\.([0-9])\r\n     # version: RFC 9112 §2.3
    {SECTION}               # field lines: RFC 9112 §5
    \r\n                    # the empty line: RFC 9112 §2.1
    """,
    re.VERBOSE,
)
_DECIDING = scan_for(
    "host",  # RFC 9112 §3.2
    "content-length",  # §6.2
    "transfer-encoding",  # §6.1
    "connection",  # §9.3
    "expect",  # RFC 9110 §10.1.1
    "x-request-id",
    "traceparent",  # W3C Trace Context §3.2
    "x-hamms-nonce",
    "x-hamms-page",
)
_CODING = re.compile(TOKEN)
_scan_for_one = lru_cache(maxsize=64)(scan_for)


class Oddity(Enum):
    """A property of a head that the RFCs allow and that a strict server may refuse."""

    EMPTY_HOST = "an empty Host (RFC 9112 §3.2)"
    EXPECTATION = "an expectation other than 100-continue (RFC 9110 §10.1.1)"


class RequestHead:
    """One request's start line and header section; immutable.

    Attributes:
        host: the value of Host, or None; an absolute target has an authority of its own.
        minor_version: of HTTP/1.x, at most 1: a higher one is processed as 1 (RFC 9110 §2.5).
        request_id: the last value of X-Request-ID, or None.
        traceparent: the last value of traceparent, or None.
        nonce: the last value of X-Hamms-Nonce, or None.
        page_mark: the last value of X-Hamms-Page, which marks our page's own requests, or None.
    """

    __slots__ = (
        "chunked",
        "content_length",
        "expects_continue",
        "host",
        "method",
        "minor_version",
        "nonce",
        "octets",
        "oddities",
        "page_mark",
        "path",
        "persistent",
        "query_string",
        "request_id",
        "target",
        "traceparent",
    )

    def __init__(self, octets: bytes, method: str, target: str, minor_version: int = 1) -> None:
        self.octets = octets
        self.method = method
        self.target = target
        self.minor_version = minor_version
        if "#" in target:  # a fragment does not belong in a target, but some clients send it
            target = target.partition("#")[0]
        self.path, _, self.query_string = target.partition("?")
        self.oddities: tuple[Oddity, ...] = ()
        self.host: str | None = None
        self.request_id: str | None = None
        self.traceparent: str | None = None
        self.nonce: str | None = None
        self.page_mark: str | None = None
        self.content_length = 0
        self.chunked = False
        self.expects_continue = False
        self.persistent = minor_version == 1

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The names and values of the header section, split at each access."""
        return tuple(map(split_field_line, self.octets[:-4].decode("latin-1").split("\r\n")[1:]))

    @property
    def has_body(self) -> bool:
        """True if content follows the head."""
        return self.chunked or self.content_length > 0

    @property
    def query(self) -> dict[str, str]:
        """The target's query as a form (see `parse_form`); the last value of a repeated name counts."""
        return parse_form(self.query_string)

    def get(self, name: str) -> str | None:
        """Return the field's value, its lines combined (RFC 9110 §5.3), or None; ``name`` in lower case."""
        lines = _scan_for_one(name).findall(self.octets.decode("latin-1"))
        return ", ".join([value for _, value in lines]) if lines else None

    def combined(self, scan: re.Pattern[str]) -> dict[str, str]:
        """Return the fields that a scan finds (see `scan_for`), repeated ones combined (RFC 9110 §5.3)."""
        found: dict[str, str] = {}
        for name, value in scan.findall(self.octets.decode("latin-1")):
            name = name.lower()
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found

    def __repr__(self) -> str:
        return f"<RequestHead {self.method} {self.target}>"


def malformed_head(octets: bytes) -> RequestHead:
    """Return a head for malformed octets, with the method and target if the request line is valid."""
    line = octets.partition(b"\r\n")[0].decode("latin-1")
    try:
        check_request_line(line)
        method, target, version = line.split(" ")
        head = RequestHead(octets, method, target, min(int(version[-1]), 1))
    except RequestError:
        head = RequestHead(octets, "GET", "*")
    head.nonce = head.get("x-hamms-nonce")
    head.persistent = False
    return head


def parse_head(octets: bytes) -> RequestHead:
    """Validate and read one whole head, its empty line included.

    Raises:
        RequestError: the head breaks RFC 9112, or its body's length could be read in two ways.
    """
    head = parse_if_whole(octets)
    if head is None:
        raise explain_refusal(octets.decode("latin-1"))
    return head


def parse_if_whole(octets: bytes) -> RequestHead | None:
    """Read octets that are exactly one head; return None for others, and for a head that breaks the grammar.

    Raises:
        RequestError: the head has no Host or several, or its body's length could be read in two ways.
    """
    text = octets.decode("latin-1")
    match = _HEAD.fullmatch(text)
    if match is None:
        return None
    method, target, minor = match.groups()
    head = RequestHead(octets, method, target, 0 if minor == "0" else 1)
    if target[0] != "/":
        head.path, _, head.query_string = origin_form(target).partition("#")[0].partition("?")
    hosts = 0
    deciding: dict[str, list[str]] = {}
    for name, value in _DECIDING.findall(text):
        name = name.lower()
        if name == "connection" and value == "keep-alive" and minor != "0":
            continue  # the default of HTTP/1.1 (RFC 9112 §9.3)
        if name == "host":
            hosts += 1
            check_host(value)
            head.host = value
            if value[:1] in ("", ":"):
                deciding["empty host"] = []
        elif name == "x-request-id":
            head.request_id = value
        elif name == "traceparent":
            head.traceparent = value
        elif name == "x-hamms-nonce":
            head.nonce = value
        elif name == "x-hamms-page":
            head.page_mark = value
        else:
            deciding.setdefault(name, []).append(value)
    if hosts != 1 and (hosts or head.minor_version):
        raise MalformedRequest(f"{hosts} Host fields, where one is needed (RFC 9112 §3.2)")
    if deciding:
        _apply(head, deciding)
    return head


def _apply(head: RequestHead, deciding: dict[str, list[str]]) -> None:
    """Apply the fields that decide framing and persistence (RFC 9112 §3.2, §6, §9.3)."""
    lengths = deciding.get("content-length")
    if lengths:
        head.content_length = _content_length(lengths)
    if codings := deciding.get("transfer-encoding"):
        _apply_transfer_coding(head, codings, with_length=bool(lengths))
    if connection := deciding.get("connection"):
        options = list_members(connection)
        kept = head.persistent or "keep-alive" in options
        head.persistent = kept and "close" not in options
    expectations = deciding.get("expect")
    if expectations and head.minor_version == 1:
        expected = list_members(expectations)
        head.expects_continue = "100-continue" in expected
        if set(expected) - {"100-continue"}:
            head.oddities += (Oddity.EXPECTATION,)
    if "empty host" in deciding:
        head.oddities += (Oddity.EMPTY_HOST,)


def _content_length(values: list[str]) -> int:
    """Return the one length: repeated lines have to be equal, and a list is refused (RFC 9112 §6.3)."""
    value = values[0] if values.count(values[0]) == len(values) else ""
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise MalformedRequest(f"Content-Length {', '.join(values)[:80]!r} is not one whole number")
    return int(value)


def _apply_transfer_coding(head: RequestHead, values: list[str], *, with_length: bool) -> None:
    codings = list_members(values)
    if with_length:
        raise MalformedRequest("both Transfer-Encoding and Content-Length (RFC 9112 §6.3)")
    if head.minor_version == 0:
        raise MalformedRequest("Transfer-Encoding in an HTTP/1.0 request (RFC 9112 §6.1)")
    named = repr(", ".join(codings)[:80])
    unknown = [coding for coding in codings if _CODING.fullmatch(coding) and coding != "chunked"]
    if unknown:
        raise UnknownTransferCoding(f"Transfer-Encoding {named}; only chunked is decoded")
    if codings != ["chunked"]:
        raise MalformedRequest(f"Transfer-Encoding {named} is not one chunked (RFC 9112 §6.3)")
    head.chunked = True
