"""Clients that send a request or a ClientHello octet by octet, and never finish it."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from itertools import cycle

from bench.loads.connecting import BURST, Address, Notice, connect
from bench.loads.requests import request_for
from bench.loads.securing import client_hello

TICK_SECONDS = 0.001


class Creeping:
    """Half-open connections, each of which a new one replaces when the server has ended it.

    Attributes:
        ended: the number of connections that the server has ended.
    """

    def __init__(self, address: Address, octets: bytes) -> None:
        self._address = address
        self._all_octets = octets
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._turns: deque[int] = deque()
        self.ended = 0
        self._opened = 0
        self._octets: dict[int, cycle[int]] = {}

    def open(self) -> None:
        sock = connect(self._address, self._opened)
        sock.setblocking(False)
        self._opened += 1
        fd = sock.fileno()
        self._sockets[fd], self._octets[fd] = sock, cycle(self._all_octets)
        self._turns.append(fd)
        self._epoll.register(fd, select.EPOLLIN)

    def send(self, turns: int) -> None:
        """Send one octet on each of the next so many connections."""
        for _ in range(turns):
            fd = self._turns[0]
            self._turns.rotate(-1)
            try:
                self._sockets[fd].send(bytes((next(self._octets[fd]),)))
            except ConnectionError:  # the server has ended it already, as its event will show
                continue

    def replace_ended(self, timeout: float) -> None:
        for fd, _ in self._epoll.poll(timeout, BURST):
            self._epoll.unregister(fd)
            self._sockets.pop(fd).close()
            self._turns.remove(fd)
            self.ended += 1
            self.open()


def creep(
    *,
    address: Address,
    connections: int,
    interval: float,
    seconds: float,
    steady: Notice,
    tls: bool = False,
) -> dict[str, float]:
    """Send an octet on each connection every ``interval`` seconds, and replace those that end.

    Args:
        tls: whether to send a ClientHello; otherwise a request's head.
    """
    creeping = Creeping(
        address, client_hello() if tls else request_for(b"/").removesuffix(b"\r\n\r\n")
    )
    for number in range(connections):
        if number % BURST == 0:
            time.sleep(TICK_SECONDS)
        creeping.open()
    creeping.send(connections)
    steady()
    due, begin = 0, time.monotonic()
    while (passed := time.monotonic() - begin) < seconds:
        before, due = due, int(passed * connections / interval)
        creeping.send(min(due - before, connections))  # a late client does not catch up
        creeping.replace_ended(TICK_SECONDS)
    return {"octets": due, "ended": creeping.ended}
