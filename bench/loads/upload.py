"""Clients that upload large bodies."""

from __future__ import annotations

import select
import time

from bench.loads.connecting import Address, Notice, connect

BODY_OCTETS = 100 * 1000 * 1000
CHUNK = bytes(256 * 1024)


def upload(
    *, address: Address, connections: int, seconds: float, steady: Notice
) -> dict[str, float]:
    """Send one body of 100 MB after another on every connection."""
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % BODY_OCTETS
    epoll = select.epoll()
    sockets = {}
    left: dict[int, int] = {}
    for _ in range(connections):
        sock = connect(address)
        sock.setblocking(False)
        sockets[sock.fileno()] = sock
        left[sock.fileno()] = 0
        epoll.register(sock.fileno(), select.EPOLLOUT)
    steady()
    until = time.monotonic() + seconds
    sent = 0
    while time.monotonic() < until:
        for fd, _ in epoll.poll(0.1):
            if not left[fd]:
                sockets[fd].send(head)
                left[fd] = BODY_OCTETS
                continue
            taken = sockets[fd].send(CHUNK[: left[fd]] if left[fd] < len(CHUNK) else CHUNK)
            left[fd] -= taken
            sent += taken
    return {"octets": sent}
