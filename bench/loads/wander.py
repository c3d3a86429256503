"""Clients that never send the same request twice."""

from __future__ import annotations

import select
import socket
import time
from secrets import token_hex

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, Address, Notice, connect
from bench.loads.requests import request_for, response_octets
from bench.machine import resident_octets, wait_settled

CONNECTIONS = 16
ROUNDS_IN_ONE_GO = 4
# An unknown path, a missing file, a page with a query, a deep unknown path; each with the status of its response.
TARGETS = ((b"/%b", 404), (b"/static/%b", 404), (b"/?%b", 200), (b"/a/%b/b?c=d", 404))


def wander(*, address: Address, pid: int, requests: int, steady: Notice) -> dict[str, float]:
    """Make so many requests, and return the server's memory before, after a tenth, and after all of them.

    The first tenth fills the bounded caches.
    """
    wait_settled(pid)
    at_start = resident_octets(pid)
    wandering = Wandering(address)
    since = time.monotonic()
    wandering.run(requests // 10)
    wait_settled(pid)
    filled = resident_octets(pid)
    steady()
    wandering.run(requests - requests // 10)
    wait_settled(pid)
    at_end = resident_octets(pid)
    return {
        "start_mb": at_start / 1e6,
        "filled_mb": filled / 1e6,
        "end_mb": at_end / 1e6,
        "growth_kb": (at_end - filled) / 1e3,
        "per_second": requests / (time.monotonic() - since),
    }


class Wandering:
    """Connections with some requests in flight on each; each request has a target and an id of its own."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        with connect(address) as sock:
            octets = sum(response_octets(sock, _request(*kind), kind[1]) for kind in TARGETS)
        self._expected = octets * ROUNDS_IN_ONE_GO
        for _ in range(CONNECTIONS):
            self._open()

    def run(self, requests: int) -> None:
        """Wait until the server has answered at least so many requests, and leave none in flight."""
        missing: dict[int, int] = {}
        in_one_go = len(TARGETS) * ROUNDS_IN_ONE_GO
        for fd in self._sockets:
            self._ask(fd, missing)
            requests -= in_one_go
        while any(missing.values()):
            events = self._epoll.poll(ANSWER_SECONDS)
            if not events:
                raise Unmeasurable(f"{sum(missing.values())} octets of responses did not come")
            for fd, _ in events:
                if octets := self._receive(fd):
                    missing[fd] -= octets
                    if not missing[fd] and requests > 0:
                        self._ask(fd, missing)
                        requests -= in_one_go
                elif missing.pop(fd) == self._expected:
                    raise Unmeasurable("the server left without an answer")
                else:  # it allows only so many requests on one connection: ask for the rest on another
                    self._ask(self._replace(fd), missing)

    def _receive(self, fd: int) -> int:
        """Return the number of octets that came; 0 if the server has closed."""
        try:
            return len(self._sockets[fd].recv(1 << 18))
        except ConnectionResetError:  # it closed while more requests were on their way
            return 0

    def _replace(self, fd: int) -> int:
        self._epoll.unregister(fd)
        self._sockets.pop(fd).close()
        return self._open()

    def _open(self) -> int:
        sock = connect(self._address)
        sock.setblocking(False)
        fd = sock.fileno()
        self._sockets[fd] = sock
        self._epoll.register(fd, select.EPOLLIN)
        return fd

    def _ask(self, fd: int, missing: dict[int, int]) -> None:
        requests = [_request(*kind) for kind in TARGETS for _ in range(ROUNDS_IN_ONE_GO)]
        self._sockets[fd].send(b"".join(requests))
        missing[fd] = self._expected


def _request(target: bytes, _status: int) -> bytes:
    number = token_hex(8).encode()
    return request_for(target % number, number=number)
