"""Clients that ask for a file, take all of it, and ask again."""

from __future__ import annotations

import re
import select
import socket
import time

from bench.errors import Unmeasurable
from bench.loads.connecting import WARM_UP_SECONDS, Address, Notice, connect, ready_for
from bench.loads.requests import closes, request_for
from bench.machine import cpu_seconds

HEAD_OCTETS = 4096  # of the first read; the client only counts the octets after it
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def download(
    *, address: Address, pid: int, connections: int, seconds: float, target: str, steady: Notice
) -> dict[str, float]:
    """Keep one response under way on each connection, and return the CPU and the time of one."""
    downloads = Downloads(address, connections, target)
    downloads.run(WARM_UP_SECONDS)
    steady()
    complete, cpu, since = downloads.complete, cpu_seconds(pid), time.monotonic()
    downloads.run(seconds)
    complete = downloads.complete - complete
    if not complete:
        raise Unmeasurable("the server sent no file")
    return {
        "cpu_us": (cpu_seconds(pid) - cpu) / complete * 1e6,
        "wall_us": (time.monotonic() - since) / complete * 1e6,
    }


class Downloads:
    """Connections with one response under way on each.

    The client receives every body into the same octets, which stay in the processor's cache, so that it
    keeps up with a server that sends by sendfile.

    Attributes:
        complete: the number of responses so far.
    """

    def __init__(self, address: Address, connections: int, target: str) -> None:
        self.complete = 0
        self._address = address
        self._request = request_for(target.encode())
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._left: dict[int, int] = {}  # of the body; 0 while the client waits for a head
        self._closing: set[int] = set()
        self._waste = bytearray(1 << 20)
        for _ in range(connections):
            self._open()

    def run(self, seconds: float) -> None:
        """Go on for so many seconds, and leave a response under way on each connection."""
        for fd in ready_for(seconds, self._epoll):
            self._receive(fd, self._sockets[fd])

    def _open(self) -> None:
        sock = connect(self._address)
        fd = sock.fileno()
        self._sockets[fd], self._left[fd] = sock, 0
        self._epoll.register(fd, select.EPOLLIN)
        sock.send(self._request)

    def _receive(self, fd: int, sock: socket.socket) -> None:
        left = self._left[fd]
        if left:
            came = sock.recv_into(self._waste, min(left, len(self._waste)))
            if not came:
                raise Unmeasurable(f"the server left with {left} octets missing")
            left -= came
        else:
            left = self._begin(fd, sock.recv(HEAD_OCTETS))
        self._left[fd] = left
        if left:
            return
        self.complete += 1
        if fd in self._closing:
            self._replace(fd)
        else:
            sock.send(self._request)

    def _begin(self, fd: int, octets: bytes) -> int:
        """Read a head, and return the number of the body's octets that have not come."""
        end = octets.find(b"\r\n\r\n") + 4
        length = _LENGTH.search(octets, 0, end)
        if end < 4 or length is None or not octets.startswith(b"HTTP/1.1 200 "):
            raise Unmeasurable(f"not a 200 with a length: {octets[:200]!r}")
        if closes(octets):
            self._closing.add(fd)
        return end + int(length[1]) - len(octets)

    def _replace(self, fd: int) -> None:
        """Open a new connection, since the server allows only so many requests on one."""
        self._closing.discard(fd)
        self._epoll.unregister(fd)
        del self._left[fd]
        self._sockets.pop(fd).close()
        self._open()
