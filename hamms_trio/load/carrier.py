"""A load's connections on the hub: no task for any of them."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial

import trio

from hamms_trio.load.client import CarriedConnection, LoadClient
from hamms_trio.load.losses import LoadLoss, connect_failure, loss, tls_failure
from hamms_trio.load.plan.target import LoadTarget, SocketAddress
from hamms_trio.net.hubs.hub import IN, LOST, OUT, Hub
from hamms_trio.net.socket import HubSocket, Socket

FIRST_READ_OCTETS = 16 * 1024  # at first, and once an answer has filled it:
RECEIVE_MORE_OCTETS = 256 * 1024

# Begins to connect, and returns the non-blocking socket, or raises OSError.
Dial = Callable[[], Socket]


class HubCarrier:
    """Carries a load's octets on a hub of its own (see `client.Carrier`).

    Args:
        dial: begins each connection.
        tls: the TLS context, and the name that the server's certificate must have; None for plain TCP.
    """

    def __init__(
        self,
        hub: Hub,
        dial: Dial,
        nursery: trio.Nursery,
        *,
        tls: tuple[ssl.SSLContext, str] | None = None,
    ) -> None:
        self._hub = hub
        self._dial = dial
        self._tls = tls
        self.now = hub.now
        self.call_at = hub.call_at
        self.call_on_time = hub.call_on_time
        nursery.start_soon(hub.run)

    def connect(self, client: LoadClient) -> CarriedConnection:
        sock: Socket | None = None
        try:
            sock = self._dial()
            if self._tls is None:
                return LoadConnection(self._hub, sock, client)
            return TlsLoadConnection(self._hub, sock, client, *self._tls)
        except OSError as error:
            if sock is not None:
                sock.close()
            return Undialled(self._hub, client, error)


def dial(address: SocketAddress) -> socket.socket:
    """Begin to connect to an address.

    Raises:
        OSError: that is impossible, or was refused at once.
    """
    family, where = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = sock.connect_ex(where)
        if number not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            raise OSError(number, os.strerror(number))
    except BaseException:  # raised again; even an interrupt leaves no socket open
        sock.close()
        raise
    return sock


def carrier_for(target: LoadTarget, hub: Hub, nursery: trio.Nursery) -> HubCarrier:
    """Make the carrier to a target's address."""
    tls = None if target.tls is None else (target.tls, target.url.host)
    return HubCarrier(hub, partial(dial, target.address), nursery, tls=tls)


class Undialled:
    """A connection whose attempt failed at once; its client is notified in the hub's next turn."""

    def __init__(self, hub: Hub, client: LoadClient, error: OSError) -> None:
        self._client: LoadClient | None = client
        self._error = error
        hub.call_next(self._notify)

    def send(self, octets: bytes) -> None:
        raise AssertionError("a client sends when it is connected")

    def close(self) -> None:
        self._client = None

    def _notify(self) -> None:
        if self._client is not None:
            self._client.on_lost(*connect_failure(self._error))


class LoadConnection(HubSocket):
    """A TCP connection that reports its events to a client."""

    __slots__ = ("_client", "_is_ready", "_lost", "_receive_octets")

    def __init__(self, hub: Hub, sock: Socket, client: LoadClient) -> None:
        super().__init__(hub, sock, OUT)
        self._client = client
        self._is_ready = False
        self._lost: LoadLoss | None = None
        self._receive_octets = FIRST_READ_OCTETS

    # The client's calls (see `client.CarriedConnection`)

    def send(self, octets: bytes) -> None:
        if not self.write_or_keep(octets):
            self.watch_for(IN | OUT)

    # The hub's calls

    def on_event(self, events: int) -> None:
        if not self._is_ready:
            self._on_connecting()
            return
        if events & OUT and self._unsent and self.write_kept():
            self.watch_for(IN)
        if events & (IN | LOST):
            self._receive()

    # Within

    def write(self, octets: bytes | memoryview, flags: int = 0) -> int:
        """Write what there is room for; of a lost connection, the client first receives what has come on it."""
        try:
            return super().write(octets, flags)
        except OSError as error:
            self._lost = loss(error)
            return len(octets)

    def _on_connecting(self) -> None:
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._client.on_lost(*connect_failure(OSError(number, "")))
        else:
            self._on_connected()

    def _on_connected(self) -> None:
        self._is_ready = True
        self.watch_for(IN)
        self._client.on_open()

    def _receive(self) -> None:
        try:
            data = self.read(self._receive_octets)
        except ssl.SSLEOFError:
            self._client.on_eof(clean=False)
            return
        except OSError as error:
            self._client.on_lost(*(self._lost or loss(error)))
            return
        if data:
            if len(data) == self._receive_octets:
                self._receive_octets = RECEIVE_MORE_OCTETS
            self._client.on_octets(data)
        elif data is None:
            return
        elif self._lost is not None:
            self._client.on_lost(*self._lost)
        else:
            self._client.on_eof()


class TlsLoadConnection(LoadConnection):
    """A `LoadConnection` over TLS, which OpenSSL speaks on the descriptor."""

    __slots__ = ("_context", "_name", "_tls")

    def __init__(
        self, hub: Hub, sock: Socket, client: LoadClient, context: ssl.SSLContext, name: str
    ) -> None:
        self._context = context
        self._name = name
        self._tls: ssl.SSLSocket | None = None
        super().__init__(hub, sock, client)

    def _on_connecting(self) -> None:
        if self._tls is None:
            super()._on_connecting()
        else:
            self._shake_hands(self._tls)

    def _on_connected(self) -> None:
        try:
            self.exchange(self._wrap)
        except OSError as error:  # it was reset in between
            self._client.on_lost(*tls_failure(error))
            return
        assert self._tls is not None
        self._shake_hands(self._tls)

    def _wrap(self, sock: socket.socket) -> ssl.SSLSocket:
        self._tls = self._context.wrap_socket(
            sock,
            server_hostname=self._name,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,
        )
        return self._tls

    def _shake_hands(self, tls: ssl.SSLSocket) -> None:
        try:
            if self.shake_hands(tls):
                super()._on_connected()
        except OSError as error:
            self._client.on_lost(*tls_failure(error))

    def _receive(self) -> None:
        super()._receive()
        # Octets that OpenSSL has decrypted already do not make the descriptor readable again.
        while self.is_open and self._tls is not None and self._tls.pending():
            super()._receive()
