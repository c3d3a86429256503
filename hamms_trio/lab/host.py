"""One listener per failure mode, all in one nursery."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio

from hamms_trio.lab.listeners import Listener
from hamms_trio.lab.portable import PortableListener
from hamms_trio.modes.environment import Lab
from hamms_trio.net.descriptors import Admission
from hamms_trio.recording.ledger import Ledger

HAS_EPOLL = hasattr(select, "epoll")

if TYPE_CHECKING or HAS_EPOLL:
    from hamms_trio.lab.connection import HubConnection
    from hamms_trio.lab.mode_acceptor import ModeAcceptor
    from hamms_trio.net.hub import Hub


class Host:
    """Serves listeners until it is cancelled, and then closes them and every connection.

    Args:
        portable: use an ordinary trio task for each connection instead of the hub, which needs epoll.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        lab: Lab,
        ledger: Ledger,
        *,
        portable: bool = not HAS_EPOLL,
    ) -> None:
        self._listeners = listeners
        self.ledger = ledger
        self._lab = lab
        self._admission = Admission(len(listeners))
        self._hub = None if portable else Hub()
        self._portable: list[PortableListener] = []

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Host every listener as a task of one nursery."""
        async with trio.open_nursery() as nursery:
            if self._hub is not None:
                nursery.start_soon(self._hub.run, name="hub")
            for listener in self._listeners:
                serve = self._serve_portably if self._hub is None else self._serve_on_hub
                nursery.start_soon(serve, listener, name=listener.mode.slug)
            task_status.started()

    def drop_connections(self) -> None:
        """Close every connection, those that wait to be accepted too; the listeners stay."""
        for listener in self._listeners:
            listener.turn_away()
        if self._hub is not None:
            for watcher in self._hub.watchers:
                if isinstance(watcher, HubConnection):
                    watcher.abandon()
        for portable in self._portable:
            portable.drop_connections()

    async def _serve_on_hub(self, listener: Listener) -> None:
        assert self._hub is not None
        acceptors = [
            ModeAcceptor(self._hub, sock, listener.mode, self._lab, self.ledger, self._admission)
            for sock in listener.sockets
            if listener.listens
        ]
        try:
            await trio.sleep_forever()
        finally:
            for acceptor in acceptors:
                acceptor.abandon()
            listener.close()

    async def _serve_portably(self, listener: Listener) -> None:
        portable = PortableListener(listener, self._lab, self.ledger, self._admission)
        self._portable.append(portable)
        try:
            await portable.run()
        finally:
            listener.close()
