"""Clients that send some requests at once, and the next once all are answered."""

from __future__ import annotations

import select
import socket
import time

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, WARM_UP_SECONDS, Address, Notice, connect
from bench.loads.requests import are_whole, closes, how_many, request_for, response_octets
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
    """Connections with ``depth`` requests in flight on each; a new one replaces each that the server closes."""

    def __init__(self, address: Address, connections: int, depth: int) -> None:
        self._address = address
        self._depth = depth
        self._requests = request_for(b"/") * depth
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._pieces: dict[int, bytes] = {}
        with connect(address) as sock:
            response_octets(sock, request_for(b"/"))
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
        """Return the number of responses if all have come, or if the server has closed after some."""
        try:
            octets = self._sockets[fd].recv(1 << 18)
        except ConnectionResetError:  # the server closed while more requests were on their way
            octets = b""
        responses = self._pieces[fd] + octets
        if not octets and not closes(responses):
            raise Unmeasurable(f"the server left after {responses[-200:]!r}")
        if not octets:
            return self._replace(fd, responses)
        if not are_whole(responses, self._depth):
            self._pieces[fd] = responses
            return 0
        if closes(responses):
            return self._replace(fd, responses)
        self._pieces[fd] = b""
        self._sockets[fd].send(self._requests)
        return self._depth

    def _replace(self, fd: int, responses: bytes) -> int:
        """Open a new connection instead, and return the number of responses on the old one."""
        del self._pieces[fd]
        self._epoll.unregister(fd)
        self._sockets.pop(fd).close()
        self._open()
        return how_many(responses)

    def _open(self) -> None:
        sock = connect(self._address)
        sock.setblocking(False)
        fd = sock.fileno()
        self._sockets[fd], self._pieces[fd] = sock, b""
        self._epoll.register(fd, select.EPOLLIN)
        sock.send(self._requests)
