"""What the clients of the small answers ask: heads, equal or each different."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from itertools import count, repeat

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS

# Seven field lines, as a browser or a client library sends about.
HEAD = (
    b"GET / HTTP/1.1\r\n"
    b"Host: localhost:5509\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Accept: application/json, text/plain, */*\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
    b"Accept-Language: en-GB,en;q=0.8,de;q=0.5\r\n"
    b"Connection: keep-alive\r\n"
    b"X-Request-Id: "
)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def head_for(target: bytes, number: int = 1) -> bytes:
    """One request's head."""
    return HEAD.replace(b" / ", b" %b " % target, 1) + b"%016d\r\n\r\n" % number


def heads(target: str, varies: str) -> Iterator[bytes]:
    """Heads without end, all of one length.

    Args:
        varies: ``""`` for the same octets again and again, ``"id"`` for an X-Request-Id of its own in
            each, ``"path"`` for a path of its own, which begins with ``target``.
    """
    first = time.monotonic_ns() % 10**15  # so that no two runs send the same heads
    if varies == "id":
        lines = HEAD.replace(b" / ", b" %b " % target.encode(), 1)
        return (lines + b"%016d\r\n\r\n" % number for number in count(first))
    if varies == "path":
        before, after = head_for(target.encode() + b"\0").split(b"\0")
        return (b"%b%016d%b" % (before, number, after) for number in count(first))
    return repeat(head_for(target.encode(), first))


def response_octets(sock: socket.socket, head: bytes, status: int = 200) -> int:
    """How long one response is; the others are as long.

    Raises:
        Unmeasurable: it has another status, or does not come.
    """
    sock.settimeout(ANSWER_SECONDS)
    octets = b""
    sock.sendall(head)
    while not (length := _length(octets)):
        received = sock.recv(65536)
        octets += received
        if not received:
            raise Unmeasurable(f"the server left after {octets[:200]!r}")
    if not octets.startswith(b"HTTP/1.1 %d " % status):
        raise Unmeasurable(f"not a {status}: {octets[:200]!r}")
    return length


def _length(octets: bytes) -> int:
    """How long the response is if it has come whole; else 0."""
    end = octets.find(b"\r\n\r\n") + 4
    content = _LENGTH.search(octets, 0, end)
    return len(octets) if end > 4 and content and len(octets) >= end + int(content[1]) else 0
