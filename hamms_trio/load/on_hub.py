"""A load's connections on the hub: no task for any of them."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from time import monotonic

import trio

from hamms_trio.load.client import Client, Connection
from hamms_trio.load.losses import Loss, connect_failure, loss, tls_failure
from hamms_trio.load.target import Address, Target
from hamms_trio.net.alarm import Alarm
from hamms_trio.net.hub import IN, LOST, OUT, Hub

RECEIVE_OCTETS = 16 * 1024  # at first, and once an answer has filled it:
RECEIVE_MORE_OCTETS = 256 * 1024
SEND_IN_ONE_GO = 256 * 1024  # octets; then the other clients have their turn


class HubCarrier:
    """Carries a load's octets on a hub of its own (see `client.Carrier`)."""

    def __init__(self, target: Target, nursery: trio.Nursery) -> None:
        self._target = target
        self._hub = Hub()
        self._pacer = Pacer()
        self._hub.watch(self._pacer.fileno(), self._pacer, IN)
        self.now = monotonic
        nursery.start_soon(self._hub.run)

    def call_at(self, due: float, callback: Callable[[float], None]) -> object:
        return self._hub.call_at(due, callback)

    def call_on_time(self, due: float, callback: Callable[[float], None]) -> None:
        self._pacer.call_at(due, callback)

    def connect(self, client: Client) -> Connection:
        target = self._target
        if target.tls is None:
            return HubConnection(self._hub, target.address, client)
        return TlsConnection(self._hub, target.address, client, target.tls, target.url.host)


class Pacer(Alarm):
    """Calls on time, where the hub's timers are a little late together once there are many (each client
    has one): what a request begins late counts as the server's latency.
    """

    def call_at(self, due: float, callback: Callable[[float], None]) -> None:
        self._callback = callback
        self._at = due
        self.set(due)

    def on_event(self, events: int) -> None:
        super().on_event(events)
        self._callback(self._at)


class HubConnection:
    """One TCP connection that tells its client what comes."""

    __slots__ = (
        "_client",
        "_events",
        "_fd",
        "_hub",
        "_is_closed",
        "_is_open",
        "_lost",
        "_receive_octets",
        "_socket",
        "_unsent",
    )

    def __init__(self, hub: Hub, address: Address, client: Client) -> None:
        self._hub = hub
        self._client = client
        self._is_open = self._is_closed = False
        self._lost: Loss | None = None
        self._receive_octets = RECEIVE_OCTETS
        self._unsent: bytes | memoryview = b""
        self._socket: socket.socket | None = None
        self._fd = -1
        self._events = OUT
        try:
            self._connect(*address)
        except OSError as error:
            hub.call_next(partial(self._tell_not_connected, error))

    def _connect(self, family: socket.AddressFamily, address: tuple[str | int, ...]) -> None:
        self._socket = sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = sock.connect_ex(address)
        if number not in (0, errno.EINPROGRESS):
            raise OSError(number, os.strerror(number))
        self._fd = sock.fileno()
        self._hub.watch(self._fd, self, OUT)

    # What the client asks (see `client.Connection`)

    def send(self, octets: bytes) -> None:
        if self._unsent:
            self._unsent = b"".join((self._unsent, octets))
        elif (sent := self._send_some(octets)) < len(octets):
            self._unsent = memoryview(octets)[sent:]
            self._watch_for(IN | OUT)

    def close(self) -> None:
        if self._fd >= 0:
            self._hub.forget(self._fd)
            self._fd = -1
        if self._socket is not None:
            self._socket.close()
        self._is_closed = True

    # What the hub tells

    def on_event(self, events: int) -> None:
        if not self._is_open:
            self._on_connecting()
            return
        if events & OUT and self._unsent:
            self._send_rest()
        if events & (IN | LOST):
            self._receive()

    abandon = close

    # Within

    def _on_connecting(self) -> None:
        assert self._socket is not None
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._tell_not_connected(OSError(number, ""))
        else:
            self._on_connected(self._socket)

    def _on_connected(self, _sock: socket.socket) -> None:
        self._is_open = True
        self._watch_for(IN)
        self._client.on_open()

    def _tell_not_connected(self, error: OSError) -> None:
        if not self._is_closed:
            self._client.on_lost(*connect_failure(error))

    def _receive(self) -> None:
        try:
            data = self._receive_some()
        except BlockingIOError:
            return
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
        elif self._lost is not None:
            self._client.on_lost(*self._lost)
        else:
            self._client.on_eof()

    def _receive_some(self) -> bytes:
        assert self._socket is not None
        return self._socket.recv(self._receive_octets)

    def _send_some(self, octets: bytes | memoryview) -> int:
        """Send what there is room for; of a lost connection, first what has come on it is told."""
        assert self._socket is not None
        try:
            return self._socket.send(octets)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except OSError as error:
            self._lost = loss(error)
            return len(octets)

    def _send_rest(self) -> None:
        sent_in_one_go = 0
        while self._unsent and sent_in_one_go < SEND_IN_ONE_GO:
            sent = self._send_some(self._unsent)
            if not sent:
                return
            self._unsent = memoryview(self._unsent)[sent:]
            sent_in_one_go += sent
        if not self._unsent:
            self._watch_for(IN)

    def _watch_for(self, events: int) -> None:
        if events != self._events:
            self._events = events
            self._hub.rewatch(self._fd, events)


class TlsConnection(HubConnection):
    """The same through TLS, by OpenSSL on the descriptor."""

    __slots__ = ("_context", "_name", "_tls")

    def __init__(
        self, hub: Hub, address: Address, client: Client, context: ssl.SSLContext, name: str
    ) -> None:
        self._context = context
        self._name = name
        self._tls: ssl.SSLSocket | None = None
        super().__init__(hub, address, client)

    def _on_connecting(self) -> None:
        if self._tls is None:
            super()._on_connecting()
        else:
            self._shake_hands(self._tls)

    def _on_connected(self, sock: socket.socket) -> None:
        self._hub.forget(self._fd)  # as wrapping closes the descriptor if it fails
        self._fd = -1
        try:
            self._socket = self._tls = self._context.wrap_socket(
                sock,
                server_hostname=self._name,
                do_handshake_on_connect=False,
                suppress_ragged_eofs=False,
            )
        except OSError as error:  # it was reset in between
            self._client.on_lost(*tls_failure(error))
            return
        self._fd = self._tls.fileno()
        self._hub.watch(self._fd, self, self._events)
        self._shake_hands(self._tls)

    def _shake_hands(self, tls: ssl.SSLSocket) -> None:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._watch_for(IN)
        except ssl.SSLWantWriteError:
            self._watch_for(OUT)
        except OSError as error:
            self._client.on_lost(*tls_failure(error))
        else:
            super()._on_connected(tls)

    def _receive(self) -> None:
        super()._receive()
        # What OpenSSL has decrypted already does not make the descriptor readable again.
        while not self._is_closed and self._tls is not None and self._tls.pending():
            super()._receive()

    def _receive_some(self) -> bytes:
        assert self._tls is not None
        try:
            return self._tls.recv(self._receive_octets)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
