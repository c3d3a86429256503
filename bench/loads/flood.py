"""Clients that pipeline requests without end, and discard the responses."""

from __future__ import annotations

import select
import time

from bench.loads.connecting import Address, Notice, connect
from bench.loads.requests import request_for

PIPELINED = 64


def flood(
    *, address: Address, connections: int, seconds: float, steady: Notice
) -> dict[str, float]:
    """Keep the kernel's buffers full of requests on every connection."""
    octets = request_for(b"/") * PIPELINED
    epoll = select.epoll()
    sockets = {}
    unsent: dict[int, memoryview] = {}
    for _ in range(connections):
        sock = connect(address)
        sock.setblocking(False)
        sockets[sock.fileno()] = sock
        unsent[sock.fileno()] = memoryview(octets)
        epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLOUT)
    steady()
    until = time.monotonic() + seconds
    received = 0
    while time.monotonic() < until:
        for fd, events in epoll.poll(0.1):
            if events & select.EPOLLIN:
                received += len(sockets[fd].recv(1 << 20))
            if events & select.EPOLLOUT:
                rest = unsent[fd][sockets[fd].send(unsent[fd]) :]
                unsent[fd] = rest or memoryview(octets)
    return {"octets": received}
