"""Subscribers of the workbench's event stream, and requests that cause the events."""

from __future__ import annotations

import re
import select
import socket
import time
from itertools import count

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, WARM_UP_SECONDS, Address, Notice, connect
from bench.statistics import quantiles

SUBSCRIBE = b"GET /api/events/stream?topics=request.completed HTTP/1.1\r\nHost: localhost\r\n\r\n"
FIRST_LINE = b"retry: "
LONGEST_EVENT = 2_000  # octets of an event that may be cut between two reads
_NUMBER = re.compile(rb'"path":"/e/([0-9]+)"')


def subscribers(
    *, address: Address, connections: int, rate: float, seconds: float, steady: Notice
) -> dict[str, float]:
    """Make ``rate`` requests a second, and return how long after each one every subscriber has its event.

    Raises:
        Unmeasurable: an event does not reach every subscriber.
    """
    audience = Audience(address, connections)
    audience.run(WARM_UP_SECONDS, rate)
    steady()
    took = audience.run(seconds, rate)
    half, most, worst = quantiles(took, 0.5, 0.99, 1.0)
    return {"p50_ms": 1000 * half, "p99_ms": 1000 * most, "max_ms": 1000 * worst}


class Audience:
    """The subscribers, and one more connection that asks."""

    def __init__(self, address: Address, connections: int) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._rest: dict[int, bytes] = {}
        self._numbers = count(1)
        self._asked: dict[int, float] = {}
        for number in range(connections):
            self._subscribe(connect(address, number))
        self._address = address
        self._asking = connect(address)
        self._left = 0  # requests that the connection still takes

    def run(self, seconds: float, rate: float) -> list[float]:
        """Ask for so many seconds, and wait for the last event.

        Returns:
            The seconds from each request to its event, for each subscriber.
        """
        self._asked.clear()
        took: list[float] = []
        wanted = max(1, int(rate * seconds)) * len(self._sockets)
        begin = last = time.monotonic()
        asked = 0
        while len(took) < wanted:
            now = time.monotonic()
            while asked < wanted // len(self._sockets) and begin + asked / rate <= now:
                self._ask()
                asked += 1
            for fd, _ in self._epoll.poll(0.0005):
                took += self._receive(fd)
                last = now
            if now - last > ANSWER_SECONDS:
                raise Unmeasurable(f"{wanted - len(took)} of {wanted} events did not arrive")
        return took

    def _subscribe(self, sock: socket.socket) -> None:
        sock.sendall(SUBSCRIBE)
        octets = b""
        while FIRST_LINE not in octets:
            more = sock.recv(65536)
            if not more:
                raise Unmeasurable(f"the server ended a stream: {octets[:200]!r}")
            octets += more
        sock.setblocking(False)
        self._sockets[sock.fileno()] = sock
        self._rest[sock.fileno()] = b""
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _ask(self) -> None:
        number = next(self._numbers)
        if not self._left:
            self._asking.close()
            self._asking, self._left = connect(self._address), 1_000
        self._left -= 1
        self._asked[number] = time.monotonic()
        self._asking.sendall(b"GET /e/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
        self._asking.recv(65536)

    def _receive(self, fd: int) -> list[float]:
        octets = self._sockets[fd].recv(1024 * 1024)
        if not octets:
            raise Unmeasurable("the server ended a stream")
        now, asked = time.monotonic(), self._asked
        text = self._rest[fd] + octets
        took, end = [], 0
        for found in _NUMBER.finditer(text):
            end = found.end()
            if (at := asked.get(int(found[1]))) is not None:  # not one of the warm-up
                took.append(now - at)
        self._rest[fd] = text[max(end, len(text) - LONGEST_EVENT) :]
        return took
