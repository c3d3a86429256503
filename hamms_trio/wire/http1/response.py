"""Response heads, read whole (RFC 9112 §4, §5, §6.3).

The parser is as strict as that of requests, with two exceptions: folded field lines, which a client has to unfold
(RFC 9112 §5.2), and a status line without the space before an empty reason phrase, which many servers omit and
every client accepts.
"""

from __future__ import annotations

import re

from hamms_trio.errors import MalformedResponse
from hamms_trio.wire.grammar import TOKEN
from hamms_trio.wire.http1.section import (
    FIELD_LINE,
    MAX_FIELD_LINES,
    SECTION,
    excerpt,
    list_members,
    scan_for,
)
from hamms_trio.wire.status import has_no_body

# Version, status and an optional reason phrase (RFC 9112 §4).
_STATUS_LINE = r"HTTP/1\.([0-9])[ ]([1-9][0-9]{2})(?:[ ][\x20-\x7e\x80-\xff\t]*+)?+"
_HEAD = re.compile(rf"{_STATUS_LINE}\r\n{SECTION}\r\n")
_DECIDING = scan_for(
    "content-length",  # RFC 9112 §6.2
    "transfer-encoding",  # §6.1
    "connection",  # §9.3
)
_FOLD = re.compile(r"\r\n[ \t]+")  # RFC 9112 §5.2
_CODING = re.compile(rf"{TOKEN}(?:[ \t]*+;[\x20-\x7e\t]*+)?+")
_LENGTH = re.compile(r"[0-9]{1,18}")


class ResponseHead:
    """One response's status and framing, from its status line and header section.

    Attributes:
        until_close: True if the body ends with the connection.
        persistent: True if the connection may be reused (RFC 9112 §9.3).
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
        """True if content follows the head."""
        return self.chunked or self.until_close or self.content_length > 0

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status}>"


def parse_response_head(octets: bytes, method: str) -> ResponseHead:
    """Validate and read one whole head, its empty line included.

    Args:
        octets: the head.
        method: the request's method, which decides whether a body follows.

    Raises:
        MalformedResponse: the head breaks RFC 9112, or its body's length could be read in two ways.
    """
    text = octets.decode("latin-1")
    match = _HEAD.fullmatch(text)
    if match is None:
        text = _unfolded(text)
        match = _HEAD.fullmatch(text)
        if match is None:
            raise _explain_refusal(text)
    head = ResponseHead(octets, int(match[2]), 0 if match[1] == "0" else 1)
    deciding: dict[str, list[str]] = {}
    for name, value in _DECIDING.findall(text):
        deciding.setdefault(name.lower(), []).append(value)
    _apply(head, deciding, method)
    return head


def describe_junk(octets: bytes | str) -> str:
    """Return the message for octets that are not a status line."""
    first = octets[:2] if isinstance(octets, bytes) else octets[:2].encode("latin-1")
    if first in (b"\x15\x03", b"\x16\x03"):
        return "this is TLS, and plain HTTP was expected: use https://"
    return f"b{excerpt(octets)} is not the status line HTTP/1.1 STATUS REASON (RFC 9112 §4)"


def _unfolded(text: str) -> str:
    """Unfold the field lines of a head (RFC 9112 §5.2)."""
    line, _, section = text.partition("\r\n")
    if not re.fullmatch(_STATUS_LINE, line):
        raise MalformedResponse(describe_junk(line))
    if section.count("\r\n") > 1 + MAX_FIELD_LINES:
        raise MalformedResponse(f"the head has more than {MAX_FIELD_LINES} field lines")
    if section[:1] in (" ", "\t"):
        raise MalformedResponse("whitespace before the first field line (RFC 9112 §2.2)")
    return f"{line}\r\n{_FOLD.sub(' ', section)}"


def _explain_refusal(text: str) -> MalformedResponse:
    """Return the error for a head with an invalid field line."""
    for line in text[:-4].split("\r\n")[1:]:
        if not re.fullmatch(FIELD_LINE, line):
            return MalformedResponse(
                f"the field line b{excerpt(line)} is not NAME: VALUE (RFC 9112 §5)"
            )
    return MalformedResponse("the head does not match the grammar of RFC 9112")


def _apply(head: ResponseHead, deciding: dict[str, list[str]], method: str) -> None:
    """Set the framing of the body (RFC 9112 §6.3) and the persistence (§9.3)."""
    if "connection" in deciding:
        options = list_members(deciding["connection"])
        head.persistent = (head.persistent or "keep-alive" in options) and "close" not in options
    lengths, codings = deciding.get("content-length"), deciding.get("transfer-encoding")
    length = _content_length(lengths) if lengths else None
    if codings and length is not None:
        raise MalformedResponse("both Transfer-Encoding and Content-Length (RFC 9112 §6.3)")
    if head.status == 101:
        raise MalformedResponse("101 Switching Protocols without a request for it (RFC 9110 §7.8)")
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


def _apply_transfer_coding(head: ResponseHead, values: list[str]) -> None:
    codings = list_members(values)
    if head.minor_version == 0:
        raise MalformedResponse("Transfer-Encoding in an HTTP/1.0 response (RFC 9112 §6.1)")
    if not codings or not all(map(_CODING.fullmatch, codings)):
        named = repr(", ".join(codings)[:80])
        raise MalformedResponse(f"Transfer-Encoding {named} is no list of codings (RFC 9112 §6.1)")
    if "chunked" in codings[:-1]:
        raise MalformedResponse("chunked is not the last transfer coding (RFC 9112 §6.1)")
    head.chunked = codings[-1] == "chunked"
    head.until_close = not head.chunked


def _content_length(values: list[str]) -> int:
    """Return the one length; repeated ones may be refused (RFC 9112 §6.3), which is safer than choosing."""
    if len(values) != 1 or not _LENGTH.fullmatch(values[0]):
        named = repr(", ".join(values)[:80])
        raise MalformedResponse(f"Content-Length {named} is not one whole number")
    return int(values[0])
