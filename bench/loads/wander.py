"""Clients that never send the same request twice."""

from __future__ import annotations

import select
import socket
import time
from secrets import token_hex

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, Address, Notice, connect
from bench.loads.requests import are_whole, closes, request_for, response_octets
from bench.machine import resident_octets, wait_settled

CONNECTIONS = 16
ROUNDS_IN_ONE_GO = 4
# An unknown path, a missing file, a page with a query, a deep unknown path; each with the status of its response.
TARGETS = ((b"/%b", 404), (b"/static/%b", 404), (b"/?%b", 200), (b"/a/%b/b?c=d", 404))
IN_ONE_GO = len(TARGETS) * ROUNDS_IN_ONE_GO


def wander(*, address: Address, pid: int, requests: int, steady: Notice) -> dict[str, float]:
    """Make so many requests, and return the server's memory before, after a tenth, and after all of them.

    The first tenth fills the bounded caches.
    """
    wait_settled(pid)
    at_start = resident_octets(pid)
    since = time.monotonic()
    Wandering(address).run(requests // 10)
    wait_settled(pid)
    filled = resident_octets(pid)
    steady()
    Wandering(address).run(requests - requests // 10)
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
        self._pieces: dict[int, bytes] = {}
        with connect(address) as sock:
            for kind in TARGETS:
                response_octets(sock, _request(*kind), kind[1])
        for _ in range(CONNECTIONS):
            self._open()

    def run(self, requests: int) -> None:
        """Wait until the server has answered at least so many requests, then close the connections."""
        waiting = set(self._sockets)
        for fd in waiting:
            self._ask(fd)
        requests -= IN_ONE_GO * len(waiting)
        while waiting:
            events = self._epoll.poll(ANSWER_SECONDS)
            if not events:
                raise Unmeasurable(f"no response within {ANSWER_SECONDS:g} seconds")
            for fd, _ in events:
                octets = self._receive(fd)
                self._pieces[fd] += octets
                whole = are_whole(self._pieces[fd], IN_ONE_GO, TARGETS[-1][1])
                if octets and not whole:
                    continue
                waiting.remove(fd)
                if whole and requests <= 0:
                    self._close(fd)
                    continue
                fd = fd if octets and not closes(self._pieces[fd]) else self._replace(fd)
                self._ask(fd)
                waiting.add(fd)
                requests -= IN_ONE_GO if whole else 0

    def _receive(self, fd: int) -> bytes:
        """Return the octets that came; none if the server has closed."""
        try:
            return self._sockets[fd].recv(1 << 18)
        except ConnectionResetError:  # the server closed while more requests were on their way
            return b""

    def _replace(self, fd: int) -> int:
        """Open a new connection, since the server allows only so many requests on one; return its descriptor."""
        responses = self._pieces[fd]
        if not closes(responses):
            raise Unmeasurable(f"the server left after {responses[-200:]!r}")
        self._close(fd)
        return self._open()

    def _close(self, fd: int) -> None:
        self._epoll.unregister(fd)
        self._sockets.pop(fd).close()

    def _open(self) -> int:
        sock = connect(self._address)
        sock.setblocking(False)
        fd = sock.fileno()
        self._sockets[fd] = sock
        self._epoll.register(fd, select.EPOLLIN)
        return fd

    def _ask(self, fd: int) -> None:
        requests = [_request(*kind) for kind in TARGETS for _ in range(ROUNDS_IN_ONE_GO)]
        self._sockets[fd].send(b"".join(requests))
        self._pieces[fd] = b""


def _request(target: bytes, _status: int) -> bytes:
    number = token_hex(8).encode()
    return request_for(target % number, number=number)
