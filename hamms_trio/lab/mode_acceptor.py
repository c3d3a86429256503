"""A failure mode's listening socket on the hub."""

from __future__ import annotations

import socket

from hamms_trio.lab.connection import HubConnection
from hamms_trio.modes import FailureMode
from hamms_trio.modes.environment import Lab
from hamms_trio.modes.peer import Peer
from hamms_trio.net.acceptor import Acceptor, Address
from hamms_trio.net.descriptors import Admission
from hamms_trio.net.hub import Hub
from hamms_trio.net.resets import reset_and_close
from hamms_trio.recording.ledger import Ledger


class ModeAcceptor(Acceptor):
    """Lets one failure mode play with each connection."""

    def __init__(
        self,
        hub: Hub,
        sock: socket.socket,
        mode: FailureMode,
        lab: Lab,
        ledger: Ledger,
        admission: Admission,
    ) -> None:
        super().__init__(hub, sock, mode.slug, admission.warnings)
        self._admission = admission
        self._mode = mode
        self._lab = lab
        self._ledger = ledger
        self._open = 0

    def welcome(self, sock: socket.socket, address: Address) -> None:
        admission = self._admission
        if not admission.admits(self._open):
            admission.warn(self._mode.slug)
            reset_and_close(sock)
            return
        record = self._ledger.open(self._mode.slug, address)
        try:
            connection = HubConnection(
                self._hub,
                sock,
                record,
                self._on_close,
                send_seconds=self._lab.limits.send,
            )
        except OSError:
            record.closed()
            raise
        self._open += 1
        admission.open += 1
        connection.start(self._mode.play(Peer(connection, self._lab)))

    def _on_close(self) -> None:
        self._open -= 1
        self._admission.open -= 1
