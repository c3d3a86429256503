"""Clients that connect, lose the connection, and connect again."""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice, connect
from bench.machine import cpu_seconds

WARM_UP_SECONDS = 0.2


class Crowd:
    """Connections, each of which a new one replaces when the server has ended it.

    Args:
        request: octets to send after connecting, if any.
        resets: whether the server has to end the connections by RST, or else by FIN.
    """

    def __init__(self, address: Address, request: bytes, *, resets: bool) -> None:
        self.ended = 0
        self._address = address
        self._request = request
        self._resets = resets
        self._opened = 0
        self._sockets: dict[int, socket.socket] = {}
        self._epoll = select.epoll()

    def open(self) -> None:
        self._opened += 1
        sock = connect(self._address, self._opened)
        if self._request:
            with suppress(ConnectionError):  # the server has ended it, as its event will show
                sock.send(self._request)
        self._sockets[sock.fileno()] = sock
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def run(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for fd, _ in self._epoll.poll(left):
                self._replace(self._sockets.pop(fd))

    def _replace(self, sock: socket.socket) -> None:
        was_reset = False
        try:
            octets = sock.recv(4096)
        except ConnectionResetError:
            octets, was_reset = b"", True
        if octets or was_reset is not self._resets:
            came = octets or ("RST" if was_reset else "FIN")
            raise Unmeasurable(
                f"the server sent {came!r} instead of ending the connection as asked"
            )
        sock.close()
        self.ended += 1
        self.open()


def churn(
    *,
    address: Address,
    pid: int,
    parallel: int,
    seconds: float,
    steady: Notice,
    request: str = "",
    resets: bool = False,
) -> dict[str, float]:
    """Connect as fast as the server ends connections, and return the CPU of one."""
    crowd = Crowd(address, request.encode(), resets=resets)
    for _ in range(parallel):
        crowd.open()
    crowd.run(WARM_UP_SECONDS)
    steady()
    ended, cpu, since = crowd.ended, cpu_seconds(pid), time.monotonic()
    crowd.run(seconds)
    ended = crowd.ended - ended
    if not ended:
        raise Unmeasurable("the server ended no connection")
    return {
        "cpu_us": (cpu_seconds(pid) - cpu) / ended * 1e6,
        "per_second": ended / (time.monotonic() - since),
    }
