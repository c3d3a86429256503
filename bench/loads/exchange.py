"""Clients that keep their connections, and send the next request when the last was answered."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Iterator

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice, connect
from bench.machine import cpu_seconds
from bench.statistics import quantiles

WARM_UP_SECONDS = 0.3
ANSWER_SECONDS = 5.0

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


def exchange(
    *,
    address: Address,
    pid: int,
    connections: int,
    seconds: float,
    unique: bool,
    steady: Notice,
    target: str = "/?status=200",
) -> dict[str, float]:
    """Exchange requests and responses, and tell what one costs the server, and how long it takes.

    Args:
        target: what is asked for.
        unique: whether every request has an X-Request-Id of its own; otherwise all are the same octets.
    """
    exchanges = Exchanges(address, connections, target=target, unique=unique)
    exchanges.run(WARM_UP_SECONDS)
    steady()
    cpu, since = cpu_seconds(pid), time.monotonic()
    took = exchanges.run(seconds)
    if not took:
        raise Unmeasurable("the server answered no request")
    return {
        "cpu_us": (cpu_seconds(pid) - cpu) / len(took) * 1e6,
        "per_second": len(took) / (time.monotonic() - since),
        "p99_ms": 1000 * quantiles(took, 0.99)[0],
    }


class Exchanges:
    """Connections with one request in flight on each."""

    def __init__(self, address: Address, connections: int, *, target: str, unique: bool) -> None:
        self._lines = HEAD.replace(b" / ", b" %b " % target.encode(), 1)
        self._unique = unique
        self._number = time.monotonic_ns() % 10**15  # so that no two runs send the same heads
        self._epoll = select.epoll()
        self._sockets = [connect(address) for _ in range(connections)]
        self._response_octets = response_octets(self._sockets[0], self._head())
        for sock in self._sockets:
            self._epoll.register(sock.fileno(), select.EPOLLIN)
            sock.setblocking(False)
            sock.send(self._head())

    def run(self, seconds: float) -> list[float]:
        """Go on for so many seconds, leaving a request in flight on each connection.

        Returns:
            How long each response took, in seconds.
        """
        poll, monotonic, unique = self._epoll.poll, time.monotonic, self._unique
        by_fd = {sock.fileno(): (sock.recv, sock.send) for sock in self._sockets}
        missing = dict.fromkeys(by_fd, self._response_octets)
        lines = self._lines
        expected, head, number = self._response_octets, self._head(), self._number
        took: list[float] = []
        until = monotonic() + seconds
        asked = dict.fromkeys(by_fd, until - seconds)
        while monotonic() < until:
            events = poll(ANSWER_SECONDS)
            if not events:
                raise Unmeasurable(f"no response within {ANSWER_SECONDS:g} seconds")
            for fd, _ in events:
                receive, send = by_fd[fd]
                octets = receive(65536)
                if len(octets) != expected:  # in pieces
                    missing[fd] -= len(octets)
                    if missing[fd] > 0 and octets:
                        continue
                    if missing[fd]:
                        raise Unmeasurable(f"a response of another length: {octets[:200]!r}")
                    missing[fd] = expected
                elif octets[9:12] != b"200":
                    raise Unmeasurable(f"not a 200: {octets[:200]!r}")
                now = monotonic()
                took.append(now - asked[fd])
                asked[fd] = now
                if unique:
                    number += 1
                    send(lines + b"%016d\r\n\r\n" % number)
                else:
                    send(head)
        self._number = number
        return took

    def _head(self) -> bytes:
        self._number += 1
        return self._lines + b"%016d\r\n\r\n" % self._number


def ready_for(seconds: float, epoll: select.epoll) -> Iterator[int]:
    """The descriptors that are ready, again and again for so many seconds.

    Raises:
        Unmeasurable: none is for too long.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        events = epoll.poll(ANSWER_SECONDS)
        if not events:
            raise Unmeasurable(f"nothing came within {ANSWER_SECONDS:g} seconds")
        for fd, _ in events:
            yield fd


def response_octets(sock: socket.socket, head: bytes, status: int = 200) -> int:
    """How long one response is; the others are as long."""
    sock.settimeout(ANSWER_SECONDS)
    sock.sendall(head)
    octets = b""
    while True:
        received = sock.recv(65536)
        octets += received
        end = octets.find(b"\r\n\r\n") + 4
        length = _LENGTH.search(octets, 0, end)
        if end > 4 and length and len(octets) >= end + int(length[1]):
            break
        if not received:
            raise Unmeasurable(f"the server left after {octets[:200]!r}")
    if not octets.startswith(b"HTTP/1.1 %d " % status):
        raise Unmeasurable(f"not a {status}: {octets[:200]!r}")
    return len(octets)
