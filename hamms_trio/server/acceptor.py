"""The server's listening sockets on the hub."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import partial
from time import monotonic

import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.hosting.acceptor import Acceptor, Address
from hamms_trio.hosting.admission import Admission
from hamms_trio.hosting.hub import Hub
from hamms_trio.hosting.resets import reset_and_close
from hamms_trio.hosting.tls import Handshakes
from hamms_trio.server.connection import ServerConnection
from hamms_trio.server.limits import REFUSED_POLITELY
from hamms_trio.server.service import Service
from hamms_trio.server.workers import Workers

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
        admission: Admission,
        handshakes: Handshakes | None,
    ) -> None:
        super().__init__(hub, sock, "workbench", admission)
        self._handshakes = handshakes
        self._workers = workers
        self._service = service
        if service.limits.connections_wait:
            service.on_vacancy.append(self.accept_again)

    def has_room(self) -> bool:
        limits = self._service.limits
        return not limits.connections_wait or self._open < limits.connections

    def welcome(self, sock: socket.socket, address: Address) -> None:
        if self._open >= self._service.limits.connections + REFUSED_POLITELY:
            reset_and_close(sock)
        elif self._handshakes is None:
            self._converse(address, sock)
        else:
            self._handshakes.begin(sock, partial(self._converse, address))

    def _converse(self, address: Address, sock: socket.socket) -> None:
        is_full = self._service.connections >= self._service.limits.connections
        connection = ServerConnection(self._hub, self._workers, self._service, sock, address)
        if is_full:
            connection.refuse()

    @property
    def _open(self) -> int:
        under_way = self._handshakes.under_way if self._handshakes else 0
        return self._service.connections + under_way


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
        self._hub = Hub()
        self._handshakes = None
        if certificate is not None:
            self._handshakes = Handshakes(
                self._hub,
                certificate,
                seconds=service.limits.handshake_seconds,
                on_failure=service.account.note_handshake_failure,
            )
        self._acceptors: list[ServerAcceptor] = []
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
        return [one for one in self._hub.watchers if isinstance(one, ServerConnection)]

    async def run(self, nursery: trio.Nursery, *, task_status: trio.TaskStatus[None]) -> None:
        """Serve until cancelled; the tasks of requests belong to ``nursery``."""
        admission, workers = Admission(1), Workers(nursery)
        self._acceptors = [
            ServerAcceptor(self._hub, workers, self._service, sock, admission, self._handshakes)
            for sock in self._sockets
        ]
        self._sweep(monotonic())
        task_status.started()
        await self._hub.run()

    def finish(self) -> None:
        """Take those that have connected already, close the listening sockets, and hear what has come."""
        for acceptor in self._acceptors:
            acceptor.on_event(0)
            acceptor.abandon()
        for connection in self.connections:
            connection.drain()

    def _sweep(self, _due: float) -> None:
        now = monotonic()
        for connection in self.connections:
            connection.check(now)
        self._hub.call_at(now + self._sweep_seconds, self._sweep)
