"""Clients that send some requests at once, and the next once all are answered."""

from __future__ import annotations

import select
import socket
import time

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, WARM_UP_SECONDS, Address, Notice, connect
from bench.loads.requests import request_for, response_octets
from bench.machine import cpu_seconds


def pipeline(
    *, address: Address, pid: int, connections: int, seconds: float, depth: int, steady: Notice
) -> dict[str, float]:
    """Keep ``depth`` equal requests in flight on every connection, and return the CPU of one."""
    pipelines = Pipelines(address, connections, depth)
    pipelines.run(WARM_UP_SECONDS)
    steady()
    cpu, since = cpu_seconds(pid), time.monotonic()
    answered = pipelines.run(seconds)
    if not answered:
        raise Unmeasurable("the server answered no request")
    return {
        "cpu_us": (cpu_seconds(pid) - cpu) / answered * 1e6,
        "per_second": answered / (time.monotonic() - since),
    }


class Pipelines:
    """Connections with ``depth`` requests in flight on each; one that the server closes is replaced."""

    def __init__(self, address: Address, connections: int, depth: int) -> None:
        self._address = address
        self._requests = request_for(b"/") * depth
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._missing: dict[int, int] = {}
        with connect(address) as sock:
            self._one = response_octets(sock, request_for(b"/"))
        self._all = self._one * depth
        for _ in range(connections):
            self._open()

    def run(self, seconds: float) -> int:
        """Go on for so many seconds, and return the number of responses."""
        answered = 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            events = self._epoll.poll(ANSWER_SECONDS)
            if not events:
                raise Unmeasurable(f"no response within {ANSWER_SECONDS:g} seconds")
            for fd, _ in events:
                answered += self._receive(fd)
        return answered

    def _receive(self, fd: int) -> int:
        """Return how many responses are complete: all at once, or those before the server closed."""
        try:
            octets = len(self._sockets[fd].recv(1 << 18))
        except ConnectionResetError:  # it closed while more requests were on their way
            octets = 0
        missing = self._missing[fd] - octets
        if not octets:
            return self._replace(fd)
        self._missing[fd] = missing
        if missing:
            return 0
        self._missing[fd] = self._all
        self._sockets[fd].send(self._requests)
        return self._all // self._one

    def _replace(self, fd: int) -> int:
        came = self._all - self._missing.pop(fd)
        if not came:
            raise Unmeasurable("the server left without an answer")
        self._epoll.unregister(fd)
        self._sockets.pop(fd).close()
        self._open()
        return came // self._one  # the last says that it closes, which takes less than another response

    def _open(self) -> None:
        sock = connect(self._address)
        sock.setblocking(False)
        fd = sock.fileno()
        self._sockets[fd], self._missing[fd] = sock, self._all
        self._epoll.register(fd, select.EPOLLIN)
        sock.send(self._requests)
