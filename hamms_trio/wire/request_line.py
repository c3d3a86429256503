"""Request lines (RFC 9112 §3)."""

from __future__ import annotations

import re
from enum import Enum

from hamms_trio.errors import MalformedRequest, UnsupportedVersion
from hamms_trio.wire.memory import Memory

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# uri-host [ ":" port ], an RFC 6874 zone included (RFC 9110 §7.2, RFC 3986 §3.2.2)
HOST = re.compile(r"(?:\[[\w:.%~-]+\]|[\w.~%!$&'()*+,;=-]*)(?::[0-9]*)?", re.ASCII)

_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
# The same as nearly all are: a path, perhaps a query, and no fragment.
_USUAL_LINE = re.compile(
    "(" + TOKEN.decode() + r") ((/[!\"$->@-~]*)(?:\?([!\"$-~]*))?) HTTP/1\.([01])"
)
_OTHER_PROTOCOL = re.compile(TOKEN + rb" [\x21-\x7e]+ (" + TOKEN + rb"/[0-9]\.[0-9])")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)


class Oddity(Enum):
    """What the RFCs let pass in a head, and a strict server may refuse."""

    EMPTY_HOST = "an empty Host (RFC 9112 §3.2)"
    EXPECTATION = "an expectation other than 100-continue (RFC 9110 §10.1.1)"
    HIGHER_VERSION = "a minor version above 1 (RFC 9110 §2.5)"


# Method, target, minor version, path, query, oddities.
RequestLine = tuple[str, str, int, str, str, tuple[Oddity, ...]]

_LINES: Memory[RequestLine] = Memory(4096, 256)


def read_request_line(line: bytes) -> RequestLine:
    """Validate and read a request line, its CRLF not included.

    Raises:
        UnsupportedVersion: it is of another protocol, or of another version of HTTP than 1.x.
        MalformedRequest: it is none.
    """
    read = _LINES.get(line)
    if read is None:
        usual = _USUAL_LINE.fullmatch(line.decode("latin-1"))
        if usual is None:
            read = _read_unusual_line(line)
        else:
            method, target, path, query, minor = usual.groups()
            read = (method, target, int(minor), path, query or "", ())
        _LINES.keep(line, read)
    return read


def _read_unusual_line(line: bytes) -> RequestLine:
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
    return method, target, min(int(minor), 1), path, query, oddities


def _origin_form(target: str) -> str:
    """The path and query of any request target; a proxy is sent an absolute one (RFC 9112 §3.2).

    Raises:
        MalformedRequest: its authority is empty, names a user (RFC 9110 §4.2), or is no host and port.
    """
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return target
    authority = absolute[1]
    if not HOST.fullmatch(authority) or authority[:1] in ("", ":"):
        raise MalformedRequest(
            f"{authority[:80]!r} in the target is not a host and port (RFC 9112 §3.2)"
        )
    rest = target[absolute.end() :]
    return rest if rest[:1] == "/" else "/" + rest


def describe_junk(line: bytes) -> str:
    """What to say of a line that is no request line."""
    if line[:2] == b"\x16\x03":
        return "this is a TLS ClientHello, and this port speaks plain HTTP: use http://"
    return f"{excerpt(line)} is not the request line METHOD TARGET HTTP/1.1 (RFC 9112 §3)"


def excerpt(octets: bytes) -> str:
    """The beginning of some octets, as text that shows each of them."""
    return repr(octets[:80])[1:]
