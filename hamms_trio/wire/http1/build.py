"""Response messages, piece by piece (RFC 9112 §2.1).

`head`, `chunk` and `last_chunk` do not check that the pieces agree. A failure mode is usually one
piece that disagrees with the next, so the lie is visible at the call site::

    head(200, ("Content-Length", "3")) + b"far more than three octets"

`response` is the opposite: it frames every body truthfully.
"""

from __future__ import annotations

from functools import lru_cache

from hamms_trio.wire.http1.request import RequestHead
from hamms_trio.wire.status import has_no_body, reason_phrase

Field = tuple[str, str]

CRLF = b"\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# Field lines without their ends, for messages that are put together by hand.
CHUNKED = b"Transfer-Encoding: chunked"
TEXT_PLAIN = b"Content-Type: text/plain"


def head(status: int, *fields: Field, origin: bytes = b"") -> bytes:
    """Build the status line, the field lines and the empty line (RFC 9112 §4, §5).

    Args:
        status: the status code.
        *fields: names and values.
        origin: field lines as octets, CRLF included, which precede the others.
    """
    return status_line(status) + origin + field_lines(fields) + CRLF


@lru_cache(maxsize=1024)
def status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {reason_phrase(status)}\r\n".encode("latin-1")


@lru_cache(maxsize=1024)
def field_lines(fields: tuple[Field, ...]) -> bytes:
    """Build field lines, each with its CRLF, in the order given."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Build one chunk: size in hex, data, CRLF (RFC 9112 §7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk() -> bytes:
    """Build the zero-sized chunk; without it the body is incomplete (RFC 9112 §8)."""
    return b"0\r\n\r\n"


def response(
    request: RequestHead,
    status: int,
    fields: tuple[Field, ...] = (),
    body: bytes = b"",
    *,
    origin: bytes = b"",
    close: bool = False,
) -> bytes:
    """Build a whole, truthfully framed response to ``request``.

    Adds the Content-Length where a message has one (RFC 9110 §8.6), leaves the body out where
    there is none (HEAD, 1xx, 204, 304: RFC 9112 §6.3; 205: RFC 9110 §15.3.6), and declares whether the
    connection persists (RFC 9112 §9.3): ``close`` ends one that otherwise would.
    """
    if status == 205:
        body = b""
    persistence = b"" if status < 200 else connection_field(request, close=close)
    method = request.method if request.method in _BODILESS else ""
    framing, has_body = _framing(status, method, fields, persistence, len(body))
    if not has_body:
        body = b""
    return b"".join((status_line(status), origin, framing, body))


def connection_field(request: RequestHead, *, close: bool = False) -> bytes:
    """Build the Connection field line of a truthful response, if it needs one (RFC 9112 §9.3)."""
    if close or not request.persistent:
        return b"Connection: close\r\n"
    return b"Connection: keep-alive\r\n" if request.minor_version == 0 else b""


def connection_lines(request: RequestHead) -> tuple[bytes, ...]:
    """Build the same as lines without CRLF: one, or none."""
    line = connection_field(request)
    return (line.removesuffix(CRLF),) if line else ()


_BODILESS = ("HEAD", "CONNECT")


@lru_cache(maxsize=1024)
def _framing(
    status: int, method: str, fields: tuple[Field, ...], persistence: bytes, octets: int
) -> tuple[bytes, bool]:
    """Build the rest of a head after the origin's field lines; return also whether a body follows."""
    tunnels = method == "CONNECT" and 200 <= status < 300  # RFC 9110 §9.3.6
    unframed = tunnels or has_no_body(status)
    length = b"" if unframed else b"Content-Length: %d\r\n" % octets
    return field_lines(fields) + persistence + length + CRLF, not unframed and method != "HEAD"
