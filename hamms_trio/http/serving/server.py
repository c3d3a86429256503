"""A server on sockets that listen: its listeners, its nursery, and its end."""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.http.serving.portable import PortableListeners
from hamms_trio.http.serving.service import Phase, Service

HAS_EPOLL = hasattr(select, "epoll")

if TYPE_CHECKING or HAS_EPOLL:
    from hamms_trio.http.serving.acceptor import HubListeners


class Server:
    """Serves sockets that listen already, until `drain` or cancellation.

    Args:
        certificate: for TLS; None to speak plain HTTP.
        portable: True to use an ordinary trio task for each connection instead of the hub, which needs epoll.
    """

    def __init__(
        self,
        service: Service,
        sockets: Sequence[socket.socket],
        *,
        certificate: ServerCertificate | None = None,
        portable: bool = not HAS_EPOLL,
    ) -> None:
        self.service = service
        self._listeners: HubListeners | PortableListeners
        if portable:
            service.clock = trio.current_time  # by which tasks wait
            self._listeners = PortableListeners(service, sockets, certificate)
        else:
            self._listeners = HubListeners(service, sockets, certificate)
        self._sockets = sockets
        self._stopped = trio.Event()

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
