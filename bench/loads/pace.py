"""Clients that ask at a fixed rate, whether answers come or not."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from statistics import median

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, WARM_UP_SECONDS, Address, Notice, connect
from bench.loads.requests import closes, is_whole, requests
from bench.statistics import quantiles

SLICE_SECONDS = 0.1


def pace(
    *,
    address: Address,
    connections: int,
    seconds: float,
    rate: float,
    varies: str,
    steady: Notice,
    target: str = "/",
) -> dict[str, float]:
    """Ask ``rate`` times a second, and return how long after its due time each request was answered.

    A request that waits for a free connection is as late as one that waits in the server. The client polls
    without sleeping, so that no server spends time on waking it.

    Args:
        target: see `requests`.
        varies: see `requests`.
    """
    paced = Paced(address, connections, target=target, varies=varies)
    paced.run(WARM_UP_SECONDS, rate)
    steady()
    took = paced.run(seconds, rate)
    if not took:
        raise Unmeasurable("no request was due")
    half, worst = quantiles(took, 0.5, 1.0)
    return {"p50_ms": 1000 * half, "p99_ms": 1000 * _usual_p99(took, rate), "max_ms": 1000 * worst}


def _usual_p99(took: list[float], rate: float) -> float:
    """Return the median of the 99th percentiles of short slices, which a pause of the machine leaves alone."""
    in_slice = max(1, int(rate * SLICE_SECONDS))
    slices = [took[at : at + in_slice] for at in range(0, len(took) - in_slice + 1, in_slice)]
    return median(quantiles(slice_, 0.99)[0] for slice_ in slices or [took])


class Paced:
    """Connections that take turns to ask."""

    def __init__(self, address: Address, connections: int, *, target: str, varies: str) -> None:
        self._address = address
        self._requests = requests(target, varies)
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._free: deque[int] = deque()
        self._pieces: dict[int, bytes] = {}
        for _ in range(connections):
            self._open()

    def run(self, seconds: float, rate: float) -> list[float]:
        """Ask for so many seconds, and wait for the last answer.

        Returns:
            The seconds from each request's due time to its answer.
        """
        monotonic, poll, free, sockets = time.monotonic, self._epoll.poll, self._free, self._sockets
        took: list[float] = []
        begin = last_event = monotonic()
        count, asked = max(1, int(seconds * rate)), 0
        due_of: dict[int, float] = {}
        while len(took) < count:
            now = monotonic()
            while free and asked < count and (due := begin + asked / rate) <= now:
                fd = free.popleft()
                due_of[fd] = due
                asked += 1
                sockets[fd].send(next(self._requests))
            events = poll(0)
            for fd, _ in events:
                response = self._receive(fd)
                if response is not None:
                    took.append(monotonic() - due_of.pop(fd))
                    self._release(fd, response)
            if events or not due_of:
                last_event = now
            elif now - last_event > ANSWER_SECONDS:
                raise Unmeasurable(f"no response within {ANSWER_SECONDS:g} seconds")
        return took

    def _receive(self, fd: int) -> bytes | None:
        """Return the response of a connection, or None if its end is missing."""
        octets = self._sockets[fd].recv(65536)
        response = self._pieces.pop(fd, b"") + octets
        if not octets:
            raise Unmeasurable(f"the server left after {response[:200]!r}")
        if is_whole(response):
            return response
        self._pieces[fd] = response
        return None

    def _release(self, fd: int, response: bytes) -> None:
        """Make the connection free, or replace it if the server closes it."""
        if closes(response):
            self._epoll.unregister(fd)
            self._sockets.pop(fd).close()
            self._open()
        else:
            self._free.append(fd)

    def _open(self) -> None:
        sock = connect(self._address)
        sock.setblocking(False)
        self._sockets[sock.fileno()] = sock
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._free.append(sock.fileno())
