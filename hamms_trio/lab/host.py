"""The host: one listener per door, all in one nursery."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from hamms_trio.lab.connection import ModeConnection
from hamms_trio.lab.doors import AnyDoor
from hamms_trio.lab.gate import Gate
from hamms_trio.lab.listeners import Listener
from hamms_trio.lab.mode_acceptor import DoorPlayer
from hamms_trio.modes.encounter import Find
from hamms_trio.modes.model.environment import Environment
from hamms_trio.modes.peers.peer import knows_no_others
from hamms_trio.net.accepted import Handover
from hamms_trio.net.hubs.hub import Hub, open_hub
from hamms_trio.net.listening.descriptors import PROCESS_BUDGET
from hamms_trio.net.nursery import ungrouped
from hamms_trio.recording.recorder import Recording


class Host:
    """The host of the lab's listeners; at its end, by `stop` or cancellation, it closes them and every connection.

    Args:
        find: finds the encounter of a request with any mode of this server (see `lab.shared.labels`).
        hub: the hub of the connections; None for the platform's own (see `net.hub.open_hub`).
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        environment: Environment,
        recording: Recording,
        *,
        find: Find = knows_no_others,
        hub: Hub | None = None,
    ) -> None:
        self._find = find
        self._listeners = list(listeners)
        self._environment = environment
        self._recording = recording
        self._hub = hub or open_hub()
        self._gates: dict[str, Gate] = {}
        self._stopped = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Host every listener as a task of one nursery."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hub.run, name="hub")
            for listener in self._listeners:
                nursery.start_soon(self._serve, listener, name=listener.door.name)
            task_status.started()
            await self._stopped.wait()
            nursery.cancel_scope.cancel()  # the hub; the listeners' tasks end by the event

    def stop(self) -> None:
        """End `run` sooner than a cancellation does, which raises an exception in each listener's task."""
        self._stopped.set()

    @asynccontextmanager
    async def serving(self, listener: Listener) -> AsyncIterator[None]:
        """Serve one more listener while the ``async with`` block runs; then reset its connections."""
        name = listener.door.name
        self._listeners.append(listener)
        try:
            with ungrouped():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._serve, listener, name=name)
                    try:
                        yield
                    finally:
                        listener.reset_backlog()
                        self._drop_connections_of(name)
                        nursery.cancel_scope.cancel()
        finally:
            self._listeners.remove(listener)
            listener.close()

    def adopt(self, door: AnyDoor, handover: Handover) -> ModeConnection:
        """Let a door play on a connection that another owner hands over, and return the connection.

        Raises:
            OSError: the kernel has no memory for the registration; the caller closes the socket.
        """
        return self._player(door).play(handover)

    def drop_connections(self) -> None:
        """Reset every connection, those in the backlog included; the listeners stay, and accept again."""
        for listener in self._listeners:
            listener.reset_backlog()
        for watcher in self._hub.watchers:
            if isinstance(watcher, ModeConnection):
                watcher.abandon()
        for gate in self._gates.values():
            gate.open()

    def _player(self, door: AnyDoor) -> DoorPlayer:
        return DoorPlayer(self._hub, door, self._environment, self._recording, self._find)

    def _drop_connections_of(self, door: str) -> None:
        for watcher in self._hub.watchers:
            if isinstance(watcher, ModeConnection) and watcher.observer.door == door:
                watcher.abandon()

    async def _serve(self, listener: Listener) -> None:
        door, environment = listener.door, self._environment
        share = PROCESS_BUDGET.open_share(door.name)
        refuses = door.port_kind.refuses / environment.speed
        gate = Gate(self._hub, listener, self._player(door), share, refuses=refuses)
        self._gates[door.name] = gate
        environment.closes_port(door.name, gate.close)
        try:
            await self._stopped.wait()
        finally:
            environment.forget_port(door.name)
            del self._gates[door.name]
            gate.abandon()
            share.close()
