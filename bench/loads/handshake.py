"""Clients that shake hands by TLS 1.3, say goodbye, and come again as strangers."""

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


class Strangers:
    """Connections of which each is replaced by a new one once both sides have ended it.

    Attributes:
        met: handshakes so far, none of them resumed.
    """

    def __init__(self, address: Address, parallel: int) -> None:
        self.met = 0
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
                self._part(fd, self._leaving[fd])

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
        # Their close_notify comes later, or has come by now, with an end or without one.
        with suppress(OSError):  # of which SSLError is one
            secured.unwrap()  # ours, on the heels of Finished
        with suppress(OSError):
            socket.socket.shutdown(secured, socket.SHUT_WR)

    def _part(self, fd: int, secured: ssl.SSLSocket) -> None:
        """The server's close shows that it has finished the handshake too."""
        with suppress(ConnectionResetError):
            if socket.socket.recv(secured, 65536):
                return
        self.met += 1
        self._epoll.unregister(fd)
        self._leaving.pop(fd).close()
        self._open()


def handshake(
    *, address: Address, pid: int, parallel: int, seconds: float, steady: Notice
) -> dict[str, float]:
    """Shake hands as fast as both can, and count what one handshake, with accept and close, costs the server."""
    strangers = Strangers(address, parallel)
    strangers.run(WARM_UP_SECONDS)
    steady()
    met, cpu, since = strangers.met, cpu_seconds(pid), time.monotonic()
    strangers.run(seconds)
    met = strangers.met - met
    if not met:
        raise Unmeasurable("the server finished no handshake")
    return {
        "cpu_us": (cpu_seconds(pid) - cpu) / met * 1e6,
        "per_second": met / (time.monotonic() - since),
    }
