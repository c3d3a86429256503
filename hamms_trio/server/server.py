"""A running server: its listeners, its nursery, and how it ends."""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

import trio

from hamms_trio.hosting.admission import Admission
from hamms_trio.server.service import Phase, Service

HAS_EPOLL = hasattr(select, "epoll")

if TYPE_CHECKING or HAS_EPOLL:
    from hamms_trio.hosting.hub import Hub
    from hamms_trio.server.acceptor import ServerAcceptor
    from hamms_trio.server.connection import ServerConnection

logger = logging.getLogger(__name__)

SETTLE_SECONDS = 0.2  # the account is at most so late
SWEEPS = 4  # in the shortest of the deadlines
MIN_SWEEP_SECONDS = 0.01


class Server:
    """Serves sockets that listen already, until it is drained or cancelled."""

    def __init__(self, service: Service, sockets: Sequence[socket.socket]) -> None:
        self.service = service
        self._sockets = sockets
        self._hub = Hub()
        self._stopped = trio.Event()
        self._acceptors: list[ServerAcceptor] = []

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve; end when `drain` has."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hub.run, name="hub")
                nursery.start_soon(self._keep_account)
                admission = Admission(1)
                self._acceptors = [
                    ServerAcceptor(self._hub, nursery, self.service, sock, admission)
                    for sock in self._sockets
                ]
                self._sweep(monotonic())
                task_status.started()
                await self._stopped.wait()
                nursery.cancel_scope.cancel()
        finally:
            for sock in self._sockets:
                sock.close()
            self.service.phase = Phase.STOPPED
            self.service.account.settle()

    async def drain(self, timeout: float) -> None:
        """Answer what is in flight, refuse what comes after, and end; at once if there is nothing."""
        service = self.service
        for acceptor in self._acceptors:
            acceptor.finish()
        service.drain()
        for connection in self._connections:
            connection.drain()
        with trio.move_on_after(timeout):
            while any(connection.is_busy for connection in self._connections):
                service.stirred = trio.Event()
                await service.stirred.wait()
        self._stopped.set()

    @property
    def _connections(self) -> list[ServerConnection]:
        return [w for w in self._hub.watchers if isinstance(w, ServerConnection)]

    def _sweep(self, due: float) -> None:
        limits = self.service.limits
        shortest = min(
            limits.idle,
            limits.head_seconds,
            limits.content_seconds,
            limits.send_seconds,
            limits.linger_seconds,
        )
        now = monotonic()
        for connection in self._connections:
            connection.check(now)
        self._hub.call_at(now + max(MIN_SWEEP_SECONDS, min(1.0, shortest / SWEEPS)), self._sweep)

    async def _keep_account(self) -> None:
        while True:
            await trio.sleep(SETTLE_SECONDS)
            self.service.account.settle()
