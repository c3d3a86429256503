"""A failure mode's listening socket on the hub."""

from __future__ import annotations

import socket
from collections.abc import Callable

from hamms_trio.lab.connection import ModeConnection
from hamms_trio.modes import FailureMode
from hamms_trio.modes.environment import Lab
from hamms_trio.modes.peer import Peer
from hamms_trio.net.accepted import Handover
from hamms_trio.net.acceptor import Acceptor, Address
from hamms_trio.net.descriptors import DescriptorShare
from hamms_trio.net.hub import Hub
from hamms_trio.recording.ledger import ConnectionRecord, Ledger


class ModePlayer:
    """Lets one failure mode play with connections, wherever they come from."""

    def __init__(self, hub: Hub, mode: FailureMode, lab: Lab, ledger: Ledger) -> None:
        self._hub = hub
        self._mode = mode
        self._lab = lab
        self._ledger = ledger

    def play(self, handover: Handover) -> None:
        """Play on a connection that another owner has given away, or that was just accepted.

        Raises:
            OSError: the kernel has no memory for its registration; the caller closes the socket.
        """
        record, mode = handover.observer, self._mode
        is_new = not isinstance(record, ConnectionRecord)
        if not isinstance(record, ConnectionRecord):
            record = self._ledger.open(mode.slug, handover.client)
        try:
            connection = ModeConnection(
                self._hub, handover, record, send_seconds=self._lab.limits.send
            )
        except OSError:
            if is_new:
                record.closed()
            raise
        connection.start(mode.play(Peer(connection, self._lab)))


class ModeAcceptor(Acceptor):
    """Has a player play with each connection that is accepted."""

    def __init__(
        self, hub: Hub, sock: socket.socket, player: ModePlayer, share: DescriptorShare
    ) -> None:
        super().__init__(hub, sock, share)
        self._player = player
        self._on_end: Callable[[], None] = share.release

    def welcome(self, sock: socket.socket, address: Address) -> None:
        self._player.play(Handover(sock, address, on_end=self._on_end))
