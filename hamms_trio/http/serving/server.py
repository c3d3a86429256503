"""A server on sockets that listen: its listeners, its nursery, and its end."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.http.serving.acceptor import Listeners
from hamms_trio.http.serving.connection import ServerConnection
from hamms_trio.http.serving.service import Phase, Service
from hamms_trio.net.accepted import Handover
from hamms_trio.net.hubs.hub import Hub, open_hub


class Server:
    """Serves sockets that listen already, until `drain` or cancellation.

    Args:
        certificate: for TLS; None to speak plain HTTP.
        hub: carries the connections; None for the platform's own (see `net.hub.open_hub`).
    """

    def __init__(
        self,
        service: Service,
        sockets: Sequence[socket.socket],
        *,
        certificate: ServerCertificate | None = None,
        hub: Hub | None = None,
    ) -> None:
        self.service = service
        self._listeners = Listeners(hub or open_hub(), service, sockets, certificate)
        self._sockets = sockets
        self._stopped = trio.Event()

    @property
    def connections(self) -> list[ServerConnection]:
        """The connections at this moment."""
        return self._listeners.connections

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `drain` has ended."""
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._listeners.run, nursery)
                task_status.started()
                await self._stopped.wait()
                nursery.cancel_scope.cancel()
        finally:
            for sock in self._sockets:
                sock.close()
            self.service.account.settle()
            self.service.phase = Phase.STOPPED

    def adopt(self, handover: Handover) -> None:
        """Serve a connection that another owner gives away, while the server runs."""
        self._listeners.adopt(handover)

    async def drain(self, timeout: float) -> None:
        """Answer the requests in flight, refuse later ones, and end."""
        service, listeners = self.service, self._listeners
        service.drain()
        listeners.finish()
        with trio.move_on_after(timeout):
            while any(connection.is_busy for connection in listeners.connections):
                service.something_ended = trio.Event()
                await service.something_ended.wait()
        self._stopped.set()
