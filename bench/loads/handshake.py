"""Clients that finish a TLS 1.3 handshake, close, and connect anew without resumption."""

from __future__ import annotations

import select
import socket
import ssl
import time
from contextlib import suppress

from bench.errors import Unmeasurable
from bench.loads.connecting import WARM_UP_SECONDS, Address, Notice, connect, ready_for
from bench.loads.securing import client_context
from bench.machine import cpu_seconds


class Handshakes:
    """Connections, each of which a new one replaces once both sides have ended it.

    Attributes:
        finished: the number of handshakes so far, all of them full.
    """

    def __init__(self, address: Address, parallel: int) -> None:
        self.finished = 0
        self._address = address
        self._context = client_context()
        self._epoll = select.epoll()
        self._shaking: dict[int, ssl.SSLSocket] = {}
        self._leaving: dict[int, ssl.SSLSocket] = {}
        for _ in range(parallel):
            self._open()

    def run(self, seconds: float) -> None:
        for fd in ready_for(seconds, self._epoll):
            if fd in self._shaking:
                self._step(fd, self._shaking[fd])
            else:
                self._leave(fd, self._leaving[fd])

    def _open(self) -> None:
        sock = connect(self._address)
        sock.setblocking(False)
        secured = self._context.wrap_socket(sock, do_handshake_on_connect=False)
        self._shaking[secured.fileno()] = secured
        self._epoll.register(secured.fileno(), select.EPOLLIN)
        with suppress(ssl.SSLWantReadError):
            secured.do_handshake()

    def _step(self, fd: int, secured: ssl.SSLSocket) -> None:
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            return
        if secured.session_reused:
            raise Unmeasurable("a handshake was resumed")
        self._leaving[fd] = self._shaking.pop(fd)
        # The server's close_notify comes later, or has come by now, with or without a FIN.
        with suppress(OSError):  # includes SSLError
            secured.unwrap()  # sends close_notify right after Finished
        with suppress(OSError):
            socket.socket.shutdown(secured, socket.SHUT_WR)

    def _leave(self, fd: int, secured: ssl.SSLSocket) -> None:
        """Count the handshake once the server has closed, since then it has read Finished too."""
        with suppress(ConnectionResetError):
            if socket.socket.recv(secured, 65536):
                return
        self.finished += 1
        self._epoll.unregister(fd)
        self._leaving.pop(fd).close()
        self._open()


def handshake(
    *, address: Address, pid: int, parallel: int, seconds: float, steady: Notice
) -> dict[str, float]:
    """Shake hands as fast as both sides can, and return the CPU to accept, shake hands and close once."""
    handshakes = Handshakes(address, parallel)
    handshakes.run(WARM_UP_SECONDS)
    steady()
    finished, cpu, since = handshakes.finished, cpu_seconds(pid), time.monotonic()
    handshakes.run(seconds)
    finished = handshakes.finished - finished
    if not finished:
        raise Unmeasurable("the server finished no handshake")
    return {
        "cpu_us": (cpu_seconds(pid) - cpu) / finished * 1e6,
        "per_second": finished / (time.monotonic() - since),
    }
