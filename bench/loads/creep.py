"""Clients that send their first words octet by octet, and never come to their end."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from itertools import cycle

from bench.loads.connecting import BURST, Address, Notice, connect
from bench.loads.requests import HEAD
from bench.loads.securing import client_hello

TICK_SECONDS = 0.001


class Creeping:
    """Half-open connections of which each is replaced by a new one when the server has ended it.

    Attributes:
        ended: how many of them the server has ended.
    """

    def __init__(self, address: Address, octets: bytes) -> None:
        self._address = address
        self._said = octets
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
        self._sockets[fd], self._octets[fd] = sock, cycle(self._said)
        self._turns.append(fd)
        self._epoll.register(fd, select.EPOLLIN)

    def send(self, turns: int) -> None:
        """Let so many of the connections, one after the other, send one octet."""
        for _ in range(turns):
            fd = self._turns[0]
            self._turns.rotate(-1)
            try:
                self._sockets[fd].send(bytes((next(self._octets[fd]),)))
            except ConnectionError:  # ended already, which its event will tell
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
    """Send an octet on each connection every ``interval`` seconds, and replace what is ended.

    Args:
        tls: whether they are of a ClientHello; otherwise of a request's head.
    """
    creeping = Creeping(address, client_hello() if tls else HEAD)
    for number in range(connections):
        if number % BURST == 0:
            time.sleep(TICK_SECONDS)
        creeping.open()
    creeping.send(connections)
    steady()
    due, begin = 0, time.monotonic()
    while (passed := time.monotonic() - begin) < seconds:
        before, due = due, int(passed * connections / interval)
        creeping.send(min(due - before, connections))  # what was late is not made up for
        creeping.replace_ended(TICK_SECONDS)
    return {"octets": due, "ended": creeping.ended}
