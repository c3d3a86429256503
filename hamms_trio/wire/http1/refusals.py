"""Explanations of refused request heads.

The pattern of a whole head gives no reason (see `request`). This module reads the refused head line by line, to
name the first rule that it breaks.
"""

from __future__ import annotations

import re

from hamms_trio.errors import HeadTooLarge, MalformedRequest, RequestError, UnsupportedVersion
from hamms_trio.wire.grammar import TOKEN
from hamms_trio.wire.http1.section import (
    FIELD_LINE,
    MAX_FIELD_LINES,
    excerpt,
    split_field_line,
)
from hamms_trio.wire.masking import mask

_REQUEST_LINE = re.compile(rf"{TOKEN} ([\x21-\x7e]++) HTTP/([0-9])\.([0-9])")
_OTHER_PROTOCOL = re.compile(rf"{TOKEN} [\x21-\x7e]++ ({TOKEN}/[0-9]\.[0-9])")
_FIELD_LINE = re.compile(FIELD_LINE)
# uri-host [ ":" port ], an RFC 6874 zone included (RFC 9110 §7.2, RFC 3986 §3.2.2)
_HOST = re.compile(r"(?:\[[\w:.%~-]++\]|[\w.~%!$&'()*+,;=-]*+)(?::[0-9]*+)?+", re.ASCII)
_ABSOLUTE = re.compile(r"https?://([^/?#]*+)", re.IGNORECASE)


def explain_refusal(text: str) -> RequestError:
    """Return the error for a whole head that the pattern does not match."""
    try:
        request_line, *lines = text[:-4].split("\r\n")
        check_request_line(request_line)
        if len(lines) > MAX_FIELD_LINES:
            raise HeadTooLarge(f"the head has more than {MAX_FIELD_LINES} field lines")
        for line in lines:
            _check_field_line(line)
    except RequestError as problem:
        return problem
    return MalformedRequest("the head does not match the grammar of RFC 9112")


def check_request_line(line: str) -> None:
    """Refuse an invalid request line, given without its CRLF.

    Raises:
        UnsupportedVersion: the line is of another protocol, or of another version of HTTP than 1.x.
        MalformedRequest: the line is not a request line.
    """
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        if other := _OTHER_PROTOCOL.fullmatch(line):
            raise UnsupportedVersion(f"{other[1][:40]} is not HTTP/1.1 or 1.0")
        raise MalformedRequest(describe_junk(line))
    target, major, minor = match.groups()
    if major != "1":
        raise UnsupportedVersion(f"HTTP/{major}.{minor} is not HTTP/1.1 or 1.0")
    origin_form(target)


def origin_form(target: str) -> str:
    """Return the path and query of a request target, which may be absolute (RFC 9112 §3.2).

    Raises:
        MalformedRequest: the authority is empty, has a user (RFC 9110 §4.2), or is not a host and port.
    """
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return target
    authority = absolute[1]
    if not _HOST.fullmatch(authority) or authority[:1] in ("", ":"):
        raise MalformedRequest(
            f"{mask('//' + authority)[2:82]!r} in the target is not a host and port (RFC 9112 §3.2)"
        )
    rest = target[absolute.end() :]
    return rest if rest[:1] == "/" else "/" + rest


def check_host(value: str) -> None:
    """Refuse a Host that is neither empty nor a host and port.

    Raises:
        MalformedRequest: the value breaks the grammar.
    """
    if not _HOST.fullmatch(value):
        raise MalformedRequest(f"the Host {value[:80]!r} is not a host and port (RFC 9112 §3.2)")


def describe_junk(line: str) -> str:
    """Return the message for octets that are not a request line."""
    if line[:2] == "\x16\x03":
        return "this is a TLS ClientHello, and this port speaks plain HTTP: use http://"
    return f"{excerpt(mask(line))} is not the request line METHOD TARGET HTTP/1.1 (RFC 9112 §3)"


def _check_field_line(line: str) -> None:
    if not _FIELD_LINE.fullmatch(line):
        raise MalformedRequest(f"the field line {excerpt(line)} is not NAME: VALUE (RFC 9112 §5)")
    name, value = split_field_line(line)
    if name.lower() == "host":
        check_host(value)
