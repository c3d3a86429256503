"""One listener per failure mode, all in one nursery."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from hamms_trio.errors import UnknownMode
from hamms_trio.lab.connection import ModeConnection
from hamms_trio.lab.listeners import Listener
from hamms_trio.lab.mode_acceptor import ModeAcceptor, ModePlayer
from hamms_trio.modes.environment import Lab
from hamms_trio.net.accepted import Handover
from hamms_trio.net.descriptors import PROCESS_BUDGET
from hamms_trio.net.hub import Hub, open_hub
from hamms_trio.recording.ledger import Ledger


class Host:
    """Serves listeners until it is cancelled, and then closes them and every connection.

    Args:
        hub: carries the connections; None for the platform's own (see `net.hub.open_hub`).
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        lab: Lab,
        ledger: Ledger,
        *,
        hub: Hub | None = None,
    ) -> None:
        self._listeners = listeners
        self.ledger = ledger
        self._hub = hub or open_hub()
        self._players = {
            listener.mode.slug: ModePlayer(self._hub, listener.mode, lab, ledger)
            for listener in listeners
        }

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Host every listener as a task of one nursery."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hub.run, name="hub")
            for listener in self._listeners:
                nursery.start_soon(self._serve, listener, name=listener.mode.slug)
            task_status.started()

    def adopt(self, slug: str, handover: Handover) -> None:
        """Play a failure mode on a connection that another owner gives away.

        Raises:
            UnknownMode: the mode is not hosted here.
            OSError: the kernel has no memory for its registration; the caller closes the socket.
        """
        if slug not in self._players:
            raise UnknownMode(f"the failure mode {slug!r} is not hosted here")
        self._players[slug].play(handover)

    def drop_connections(self) -> None:
        """Close every connection, those that wait to be accepted too; the listeners stay."""
        for listener in self._listeners:
            listener.turn_away()
        for watcher in self._hub.watchers:
            if isinstance(watcher, ModeConnection):
                watcher.abandon()

    async def _serve(self, listener: Listener) -> None:
        share = PROCESS_BUDGET.open_share(listener.mode.slug)
        player = self._players[listener.mode.slug]
        acceptors = [
            ModeAcceptor(self._hub, sock, player, share)
            for sock in listener.sockets
            if listener.listens
        ]
        try:
            await trio.sleep_forever()
        finally:
            for acceptor in acceptors:
                acceptor.abandon()
            listener.close()
            share.close()
