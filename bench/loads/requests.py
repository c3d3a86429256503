"""The requests of the loads: equal ones, or each different from all others."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from itertools import count, repeat

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS

# Nine field lines, about as many as a browser behind a tracing proxy sends.
_TEMPLATE = (
    b"%(method)b %(target)b HTTP/1.1\r\n"
    b"Host: localhost:5509\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:%(agent)b) Gecko/20100101 Firefox/%(agent)b\r\n"
    b"Accept: application/json, text/plain, */*\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
    b"Accept-Language: en-GB,en;q=0.8,de;q=0.5\r\n"
    b"Connection: keep-alive\r\n"
    b"Cookie: session=%(cookie)b; theme=dark\r\n"
    b"traceparent: 00-%(trace)b-01\r\n"
    b"%(length)b"
    b"X-Request-Id: %(id)b\r\n\r\n%(content)b"
)
_AGENT, _NUMBER = b"128.0.0001", b"0000000000000001"
_TRACE = b"00000000000000000000000000000001-0000000000000001"
# Odd, so that multiples modulo 2**64 differ (Knuth's multiplicative hash).
_SCATTER = 0x9E3779B97F4A7C15
_BEGIN = b"HTTP/1.1 "
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)


def request_for(
    target: bytes,
    *,
    content: int = 0,
    agent: bytes = _AGENT,
    cookie: bytes = _NUMBER,
    trace: bytes = _TRACE,
    number: bytes = _NUMBER,
) -> bytes:
    """Return one request: a GET, or a POST if there are ``content`` octets to send."""
    return _TEMPLATE % {
        b"method": b"POST" if content else b"GET",
        b"target": target,
        b"agent": agent,
        b"cookie": cookie,
        b"trace": trace,
        b"length": b"Content-Length: %d\r\n" % content if content else b"",
        b"id": number,
        b"content": b"x" * content,
    }


def requests(target: str, varies: str, *, content: int = 0) -> Iterator[bytes]:
    """Return requests without end, all of one length.

    Args:
        target: the path and query of each, or the beginning of the path where that varies.
        varies: ``""`` for the same octets again and again; ``"head"`` for a query, User-Agent, Cookie,
            traceparent and X-Request-Id of its own in each; ``"path"`` for a path of its own in each.
        content: the octets that each carries; a request with some is a POST.
    """
    first = time.monotonic_ns()  # so that no two runs send the same heads
    if varies == "head":
        return map(_different(target, content), count(first))
    if varies == "path":
        before, after = request_for(target.encode() + b"\0", content=content).split(b"\0")
        return (b"%b%016d%b" % (before, number, after) for number in count(first))
    return repeat(request_for(target.encode(), content=content))


def _different(target: str, content: int) -> Callable[[int], bytes]:
    """Return a function that makes the request of a number, unlike that of any other number."""
    addressed = target.replace("%", "%%") + ("&" if "?" in target else "?") + "page=%012d"
    model = request_for(
        addressed.encode(),
        content=content,
        agent=b"%b",
        cookie=b"%016x",
        trace=b"%016x%016x-%016x",
        number=b"%016x",
    )

    def make(serial: int) -> bytes:
        one = serial * _SCATTER & 0xFFFF_FFFF_FFFF_FFFF
        other = one ^ 0x5555_5555_5555_5555
        agent = b"%03d.%d.%04d" % (100 + one % 40, one % 9, one // 64 % 10_000)
        return model % (one % 10**12, agent, agent, one, other, one, other, other)

    return make


def response_octets(sock: socket.socket, request: bytes, status: int = 200) -> int:
    """Return the length of the response to one request.

    Raises:
        Unmeasurable: the response has another status, or does not come.
    """
    sock.settimeout(ANSWER_SECONDS)
    octets = b""
    sock.sendall(request)
    while not is_whole(octets, status):
        received = sock.recv(65536)
        octets += received
        if not received:
            raise Unmeasurable(f"the server left after {octets[:200]!r}")
    return len(octets)


def is_whole(octets: bytes, status: int = 200) -> bool:
    """Return whether these octets are one response to its end.

    Raises:
        Unmeasurable: the response has another status or no Content-Length, or octets follow it.
    """
    end = octets.find(b"\r\n\r\n") + 4
    if end < 4:
        return False
    length = _LENGTH.search(octets, 0, end)
    if not octets.startswith(b"HTTP/1.1 %d " % status) or length is None:
        raise Unmeasurable(f"not a {status} with a Content-Length: {octets[:200]!r}")
    missing = end + int(length[1]) - len(octets)
    if missing < 0:
        raise Unmeasurable(f"a response that is longer than it says: {octets[:200]!r}")
    return missing == 0


def are_whole(octets: bytes, count: int, last_status: int = 200) -> bool:
    """Return whether these octets are so many responses to the end of the last.

    The length of a response may differ from that of the one before, so only heads tell responses apart; no body
    has a status line in it.
    """
    if how_many(octets) != count:
        return False
    return is_whole(octets[octets.rfind(_BEGIN) :], last_status)


def closes(octets: bytes) -> bool:
    """Return whether the last of some responses says that the server closes the connection after it."""
    begin = octets.rfind(_BEGIN)
    return _CLOSES.search(octets, begin, octets.find(b"\r\n\r\n", begin) + 4) is not None


def how_many(octets: bytes) -> int:
    """Return the number of responses that begin in these octets."""
    return octets.count(_BEGIN)
