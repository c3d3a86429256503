"""Clients that ask one failure mode, read whatever comes, and connect again when the mode ends the connection."""

from __future__ import annotations

import select
import socket
from contextlib import suppress

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice, connect, connect_all, ready_for

CONNECTS_PER_SECOND = 2_000.0
READ_OCTETS = 256 * 1024


def crowd(
    *, address: Address, connections: int, target: str, seconds: float, steady: Notice
) -> dict[str, float]:
    """Ask on so many connections at once, and return how many answers the server has ended."""
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    epoll = select.epoll()
    sockets: dict[int, socket.socket] = {}

    def ask(sock: socket.socket) -> None:
        sock.sendall(request)
        sock.setblocking(False)
        sockets[sock.fileno()] = sock
        epoll.register(sock.fileno(), select.EPOLLIN)

    for sock in connect_all(address, connections, rate=CONNECTS_PER_SECOND):
        ask(sock)
    steady()
    ended = 0
    with suppress(Unmeasurable):  # a mode that keeps its connections, and sends nothing more
        for fd in ready_for(seconds, epoll):
            sock = sockets[fd]
            if _read(sock):
                continue
            epoll.unregister(fd)
            sock.close()
            del sockets[fd]
            ended += 1
            ask(connect(address, ended))
    return {"ended": ended}


def _read(sock: socket.socket) -> bool:
    """Read some octets; return False at the end of the connection."""
    try:
        return bool(sock.recv(READ_OCTETS))
    except BlockingIOError:
        return True
    except OSError:
        return False
