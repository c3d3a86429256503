"""Connections to a server on this machine, also more than one address has ports for."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator

from bench.errors import Unmeasurable

Address = tuple[str, int]
Notice = Callable[[], None]

# Linux has 28 232 ephemeral ports, and the search for a free one is slow near the end.
PORTS_OF_ONE_ADDRESS = 10_000
WARM_UP_SECONDS = 0.3
ANSWER_SECONDS = 5.0
BURST = 250  # well below the backlog of a listening socket, so that no SYN is dropped

_IP_BIND_ADDRESS_NO_PORT = 24  # connect chooses the port, since it knows which are free


def connect(address: Address, number: int = 0) -> socket.socket:
    """Open the ``number``-th connection of this process, from an address that has ports left."""
    sock = socket.socket()
    try:
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((f"127.0.0.{2 + number // PORTS_OF_ONE_ADDRESS % 200}", 0))
        sock.connect((address[0], address[1]))
    except OSError:
        sock.close()
        raise
    return sock


def connect_all(address: Address, count: int, *, rate: float) -> Iterator[socket.socket]:
    """Open so many connections, in bursts, ``rate`` a second altogether."""
    begin = time.monotonic()
    for number in range(count):
        if number % BURST == 0:
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        yield connect(address, number)


def ready_for(seconds: float, epoll: select.epoll) -> Iterator[int]:
    """Yield the descriptors that are ready, again and again for so many seconds.

    Raises:
        Unmeasurable: none is ready for too long.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        events = epoll.poll(ANSWER_SECONDS)
        if not events:
            raise Unmeasurable(f"nothing came within {ANSWER_SECONDS:g} seconds")
        for fd, _ in events:
            yield fd
