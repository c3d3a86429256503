"""Clients that keep their connections, and send the next request once the last is answered."""

from __future__ import annotations

import select
import socket
import ssl
import time

from bench.errors import Unmeasurable
from bench.loads.connecting import ANSWER_SECONDS, WARM_UP_SECONDS, Address, Notice, connect
from bench.loads.requests import closes, is_whole, requests, response_octets
from bench.loads.securing import client_context, secured
from bench.machine import cpu_seconds


def exchange(
    *,
    address: Address,
    pid: int,
    connections: int,
    seconds: float,
    steady: Notice,
    target: str,
    varies: str = "",
    content: int = 0,
    tls: bool = False,
) -> dict[str, float]:
    """Exchange requests and responses, and return the CPU of one and their rate.

    Args:
        target: see `requests`.
        varies: see `requests`.
        content: see `requests`.
        tls: whether to speak TLS.
    """
    exchanges = Exchanges(
        address, connections, target=target, varies=varies, content=content, tls=tls
    )
    exchanges.run(WARM_UP_SECONDS)
    steady()
    cpu, since = cpu_seconds(pid), time.monotonic()
    answered = exchanges.run(seconds)
    if not answered:
        raise Unmeasurable("the server answered no request")
    return {
        "cpu_us": (cpu_seconds(pid) - cpu) / answered * 1e6,
        "per_second": answered / (time.monotonic() - since),
    }


class Exchanges:
    """Connections with one request in flight on each.

    The client opens a new connection where the server closes one as its response says, since many servers
    allow only so many requests on a connection.
    """

    def __init__(
        self,
        address: Address,
        connections: int,
        *,
        target: str,
        varies: str,
        content: int = 0,
        tls: bool = False,
    ) -> None:
        self._requests = requests(target, varies, content=content)
        self._address = address
        self._context = client_context() if tls else None
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._pieces: dict[int, bytes] = {}  # of a response that has not come whole
        with self._connect() as sock:
            self._usual_octets = response_octets(sock, next(self._requests))
        for _ in range(connections):
            self._open()

    def run(self, seconds: float) -> int:
        """Go on for so many seconds, and leave a request in flight on each connection.

        Returns:
            The number of responses.
        """
        poll, monotonic, sockets = self._epoll.poll, time.monotonic, self._sockets
        usual, pieces, requests = self._usual_octets, self._pieces, self._requests
        answered = 0
        until = monotonic() + seconds
        while monotonic() < until:
            events = poll(ANSWER_SECONDS)
            if not events:
                raise Unmeasurable(f"no response within {ANSWER_SECONDS:g} seconds")
            for fd, _ in events:
                sock = sockets[fd]
                try:
                    octets = sock.recv(65536)
                except ssl.SSLWantReadError:  # a session ticket, or a part of a record
                    continue
                if len(octets) != usual or octets[9:12] != b"200" or fd in pieces:
                    if self._continue(fd, octets):
                        answered += 1
                    continue
                answered += 1
                sock.send(next(requests))
        return answered

    def _continue(self, fd: int, octets: bytes) -> bool:
        """Add octets to an unusual response; if that is whole now, send the next request and return True."""
        response = self._pieces.pop(fd, b"") + octets
        if not octets:
            raise Unmeasurable(f"the server left after {response[:200]!r}")
        if not is_whole(response):
            self._pieces[fd] = response
            return False
        if closes(response):
            self._epoll.unregister(fd)
            self._sockets.pop(fd).close()
            self._open()
        else:
            self._sockets[fd].send(next(self._requests))
        return True

    def _connect(self) -> socket.socket:
        sock = connect(self._address)
        return secured(sock, self._context) if self._context else sock

    def _open(self) -> None:
        sock = self._connect()
        sock.setblocking(False)
        self._sockets[sock.fileno()] = sock
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        sock.send(next(self._requests))
