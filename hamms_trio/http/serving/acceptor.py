"""The server's listening sockets on the hub."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.http.limits.capacity import Capacity, Fate
from hamms_trio.http.limits.limits import HTTP_TURN_SECONDS
from hamms_trio.http.serving.connection import ServerConnection
from hamms_trio.http.serving.service import Service
from hamms_trio.net.accepted import Handover
from hamms_trio.net.hubs.hub import Hub
from hamms_trio.net.listening.acceptor import Acceptor, Address
from hamms_trio.net.listening.descriptors import PROCESS_BUDGET, DescriptorShare
from hamms_trio.net.resets import reset_and_close
from hamms_trio.net.tls import Handshakes, TlsSocket

ACCOUNT_SECONDS = 0.2  # the longest delay of the account
WATCHED_SECONDS = 0.02  # the same while somebody watches the answers live
SWEEPS = 4  # within the shortest of the deadlines
MIN_SWEEP_SECONDS, MAX_SWEEP_SECONDS = 0.01, 1.0


class ServerAcceptor(Acceptor):
    """An acceptor that passes each connection to ``converse``, after a TLS handshake if the server speaks TLS."""

    def __init__(
        self,
        hub: Hub,
        sock: socket.socket,
        share: DescriptorShare,
        capacity: Capacity,
        handshakes: Handshakes | None,
        converse: Callable[[Handover], None],
        on_failed: Callable[[Address, str, bytes], None],
    ) -> None:
        super().__init__(hub, sock, share)
        self._on_failed = on_failed
        self._handshakes = handshakes
        self._capacity = capacity
        self._converse = converse

    def has_room(self) -> bool:
        return self._capacity.accepts

    def welcome(self, sock: socket.socket, address: Address) -> None:
        if self._capacity.fate is Fate.RESET:
            reset_and_close(sock)
            self._share.release()
        elif self._handshakes is None:
            self._converse(Handover(sock, address, on_end=self._share.release))
        else:
            self._handshakes.begin(
                sock, partial(self._converse_secured, address), partial(self._on_failed, address)
            )
            self._capacity.handshake_began()

    def _converse_secured(self, address: Address, sock: TlsSocket, octets: bytes) -> None:
        self._capacity.handshake_ended()
        try:
            self._converse(Handover(sock, address, octets, on_end=self._share.release))
        except OSError:
            self._share.release()
            raise


class Listeners:
    """Accepts connections on a hub, and ends those that have waited too long.

    One sweep over all connections now and then replaces a timer for each: a timer would cost each connection
    200 octets, and to move it with each request would cost more than the request.
    """

    def __init__(
        self,
        hub: Hub,
        service: Service,
        sockets: Sequence[socket.socket],
        certificate: ServerCertificate | None,
    ) -> None:
        self._service = service
        self._sockets = sockets
        self._hub = hub
        service.account.on_first = self._settle_soon
        service.take_back = self.adopt
        self._settles = False  # True while a timer will
        self._capacity = Capacity(service)
        self._handshakes = None
        if certificate is not None:
            self._handshakes = Handshakes(
                self._hub,
                certificate,
                seconds=service.limits.handshake_seconds,
                keeps_hello=service.is_recorded,
            )
        self._nursery: trio.Nursery | None = None  # while it runs
        self._share: DescriptorShare | None = None
        self._acceptors: list[ServerAcceptor] = []
        self._unswept: Iterator[ServerConnection] = iter(())
        limits = service.limits
        shortest = min(
            limits.idle,
            limits.head_seconds,
            limits.content_seconds,
            limits.answer_seconds,
            limits.send_seconds,
            limits.linger_seconds,
        )
        self._sweep_seconds = min(max(shortest / SWEEPS, MIN_SWEEP_SECONDS), MAX_SWEEP_SECONDS)

    @property
    def connections(self) -> list[ServerConnection]:
        """The connections at this moment."""
        return list(self._each_connection())

    async def run(self, nursery: trio.Nursery, *, task_status: trio.TaskStatus[None]) -> None:
        """Serve until cancelled; the tasks of requests run in ``nursery``."""
        hub, service = self._hub, self._service
        capacity, handshakes = self._capacity, self._handshakes
        name = f"port {self._sockets[0].getsockname()[1]}" if self._sockets else "connections"
        self._share = share = PROCESS_BUDGET.open_share(name)
        self._nursery = nursery
        self._acceptors = [
            ServerAcceptor(hub, sock, share, capacity, handshakes, self._converse, self._on_failed)
            for sock in self._sockets
        ]
        if capacity.waits:
            service.on_vacancy += [acceptor.accept_again for acceptor in self._acceptors]
        self._sweep(hub.now())
        task_status.started()
        try:
            await hub.run()
        finally:
            self._nursery = None
            share.close()

    def adopt(self, handover: Handover) -> None:
        """Serve a connection that another owner hands over; close it if that fails."""
        try:
            if self._nursery is not None:
                self._converse(handover)
                return
        except OSError:  # the kernel has no memory for its registration
            pass
        handover.sock.close()
        handover.on_end()

    def finish(self) -> None:
        """Accept the clients in the backlog, close the listening sockets, and read octets that have arrived."""
        for acceptor in self._acceptors:
            acceptor.on_event(0)
            acceptor.abandon()
        for connection in self.connections:
            connection.drain()

    def _converse(self, handover: Handover) -> None:
        """Begin a conversation on a connection, or refuse it.

        Raises:
            OSError: the kernel has no memory for its registration; the caller closes the socket.
        """
        assert self._nursery is not None
        is_refused = self._capacity.fate is not Fate.SERVED
        handover = self._service.watch(handover)
        connection = ServerConnection(self._hub, self._nursery, self._service, handover)
        if is_refused:
            connection.refuse()
        else:
            connection.resume()

    def _on_failed(self, client: Address, reason: str, hello: bytes) -> None:
        if self._share is not None:
            self._share.release()
        self._capacity.handshake_failed(reason)
        self._service.watch_failure(client, reason, hello)

    def _settle_soon(self) -> None:
        if not self._settles:
            self._settles = True
            delay = WATCHED_SECONDS if self._service.is_watched() else ACCOUNT_SECONDS
            self._hub.call_at(self._hub.now() + delay, self._settle)

    def _settle(self, _due: float) -> None:
        self._settles = False
        self._service.account.settle()

    def _each_connection(self) -> Iterator[ServerConnection]:
        return (one for one in self._hub.watchers if isinstance(one, ServerConnection))

    def _sweep(self, _due: float) -> None:
        self._unswept = self._each_connection()
        self._sweep_on()

    def _sweep_on(self) -> None:
        """Check connections for a turn: thousands may be late at once, and others wait."""
        clock = self._service.clock
        turn_ends = clock() + HTTP_TURN_SECONDS
        for connection in self._unswept:
            now = clock()
            connection.check(now)
            if now >= turn_ends:
                self._hub.call_next(self._sweep_on)
                return
        self._hub.call_at(self._hub.now() + self._sweep_seconds, self._sweep)
