"""One listener per door, all in one nursery."""

from __future__ import annotations

import select
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from hamms_trio.lab.listeners import Listener
from hamms_trio.lab.portable import PortableListener
from hamms_trio.modes.environment import Environment
from hamms_trio.net.descriptors import Admission
from hamms_trio.recording.recorder import Recording

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
        environment: Environment,
        recording: Recording,
        *,
        portable: bool = not HAS_EPOLL,
    ) -> None:
        self._listeners = list(listeners)
        self._environment = environment
        self._recording = recording
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
                nursery.start_soon(serve, listener, name=listener.door.name)
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

    @asynccontextmanager
    async def serving(self, listener: Listener) -> AsyncIterator[None]:
        """Serve one more listener while the ``async with`` block runs; then reset its connections."""
        serve = self._serve_portably if self._hub is None else self._serve_on_hub
        self._listeners.append(listener)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve, listener, name=listener.door.name)
                yield
                listener.turn_away()
                self._drop_connections_of(listener.door.name)
                nursery.cancel_scope.cancel()
        finally:
            self._listeners.remove(listener)
            listener.close()

    def _drop_connections_of(self, door: str) -> None:
        for watcher in self._hub.watchers if self._hub is not None else ():
            if isinstance(watcher, HubConnection) and watcher.observer.door == door:
                watcher.abandon()

    async def _serve_on_hub(self, listener: Listener) -> None:
        assert self._hub is not None
        acceptors = [
            ModeAcceptor(
                self._hub,
                sock,
                listener.door,
                self._environment,
                self._recording,
                self._admission,
            )
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
        portable = PortableListener(listener, self._environment, self._recording, self._admission)
        self._portable.append(portable)
        try:
            await portable.run()
        finally:
            listener.close()
