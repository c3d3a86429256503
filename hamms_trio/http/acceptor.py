"""The server's listening sockets on the hub."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from functools import partial
from time import monotonic

import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.http.capacity import Capacity, Fate
from hamms_trio.http.connection import ServerConnection
from hamms_trio.http.pipelining import TURN_SECONDS
from hamms_trio.http.service import Service
from hamms_trio.http.workers import Workers
from hamms_trio.net.acceptor import Acceptor, Address
from hamms_trio.net.descriptors import PROCESS_BUDGET, DescriptorShare
from hamms_trio.net.hub import Hub, open_hub
from hamms_trio.net.resets import reset_and_close
from hamms_trio.net.tls import Handshakes

SETTLE_SECONDS = 0.2  # the account is at most so late
SETTLED_EARLY = 32  # answers, which take some 30 us to be counted and logged; others wait so long
SWEEPS = 4  # in the shortest of the deadlines
MIN_SWEEP_SECONDS, MAX_SWEEP_SECONDS = 0.01, 1.0


class ServerAcceptor(Acceptor):
    """Begins a conversation on each connection."""

    def __init__(
        self,
        hub: Hub,
        workers: Workers,
        service: Service,
        sock: socket.socket,
        share: DescriptorShare,
        capacity: Capacity,
        handshakes: Handshakes | None,
    ) -> None:
        super().__init__(hub, sock, share)
        self._handshakes = handshakes
        self._capacity = capacity
        self._workers = workers
        self._service = service
        if capacity.waits:
            service.on_vacancy.append(self.accept_again)

    def has_room(self) -> bool:
        return self._capacity.accepts

    def welcome(self, sock: socket.socket, address: Address) -> None:
        if self._capacity.fate is Fate.RESET:
            reset_and_close(sock)
            self._share.release()
        elif self._handshakes is None:
            self._converse(address, sock)
        else:
            self._handshakes.begin(sock, partial(self._converse_secured, address))
            self._capacity.handshake_began()

    def _converse_secured(self, address: Address, sock: socket.socket) -> None:
        self._capacity.handshake_ended()
        self._converse(address, sock)

    def _converse(self, address: Address, sock: socket.socket) -> None:
        is_refused = self._capacity.fate is not Fate.SERVED
        connection = ServerConnection(self._hub, self._workers, self._service, sock, address)
        if is_refused:
            connection.refuse()


class HubListeners:
    """Accepts connections on a hub of its own, and ends those that have waited too long.

    One sweep over all connections now and then, instead of a timer for each: that would cost each
    200 octets, and moving it with each request more than the request.
    """

    def __init__(
        self,
        service: Service,
        sockets: Sequence[socket.socket],
        certificate: ServerCertificate | None,
    ) -> None:
        self._service = service
        self._sockets = sockets
        self._hub = open_hub()
        self._hub.before_sleep = self._settle_early
        service.account.on_note = self._settle_soon  # by tasks too, while the hub sleeps
        self._settles = False  # whether a timer will
        self._capacity = Capacity(service)
        self._handshakes = None
        if certificate is not None:
            self._handshakes = Handshakes(
                self._hub,
                certificate,
                seconds=service.limits.handshake_seconds,
                on_failure=self._capacity.handshake_failed,
            )
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
        return list(self._each_connection())

    async def run(self, nursery: trio.Nursery, *, task_status: trio.TaskStatus[None]) -> None:
        """Serve until cancelled; the tasks of requests belong to ``nursery``."""
        hub, service, workers = self._hub, self._service, Workers(nursery)
        capacity, handshakes = self._capacity, self._handshakes
        share = PROCESS_BUDGET.open_share(f"port {self._sockets[0].getsockname()[1]}")
        service.on_vacancy.append(share.release)
        self._acceptors = [
            ServerAcceptor(hub, workers, service, sock, share, capacity, handshakes)
            for sock in self._sockets
        ]
        self._sweep(monotonic())
        task_status.started()
        try:
            await hub.run()
        finally:
            share.close()

    def finish(self) -> None:
        """Take those that have connected already, close the listening sockets, and hear what has come."""
        for acceptor in self._acceptors:
            acceptor.on_event(0)
            acceptor.abandon()
        for connection in self.connections:
            connection.drain()

    def _settle_early(self) -> None:
        """Keep account of some answers while nobody waits, so that there are never many when somebody does.

        Of fewer it is kept a moment later, and of none not at all: an idle server sleeps.
        """
        entries = len(self._service.entries)
        if entries >= SETTLED_EARLY:
            self._service.account.settle()
        elif entries:
            self._settle_soon()

    def _settle_soon(self) -> None:
        if not self._settles:
            self._settles = True
            self._hub.call_at(monotonic() + SETTLE_SECONDS, self._settle)

    def _settle(self, _due: float) -> None:
        self._settles = False
        self._service.account.settle()

    def _each_connection(self) -> Iterator[ServerConnection]:
        """Those that there are now."""
        return (one for one in self._hub.watchers if isinstance(one, ServerConnection))

    def _sweep(self, _due: float) -> None:
        self._unswept = self._each_connection()
        self._sweep_on()

    def _sweep_on(self) -> None:
        """Look at connections for a turn: thousands may be late at once, and others wait."""
        clock = self._service.clock
        turn_ends = clock() + TURN_SECONDS
        for connection in self._unswept:
            now = clock()
            connection.check(now)
            if now >= turn_ends:
                self._hub.call_next(self._sweep_on)
                return
        self._hub.call_at(monotonic() + self._sweep_seconds, self._sweep)
