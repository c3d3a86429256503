"""A door's listening socket on the hub."""

from __future__ import annotations

import socket

from hamms_trio.lab.connection import HubConnection
from hamms_trio.lab.doors import AnyDoor
from hamms_trio.modes.environment import Environment
from hamms_trio.modes.peer import Peer
from hamms_trio.net.acceptor import Acceptor, Address
from hamms_trio.net.descriptors import Admission
from hamms_trio.net.hub import Hub
from hamms_trio.net.resets import reset_and_close
from hamms_trio.recording.recorder import Recording


class ModeAcceptor(Acceptor):
    """Lets one door play with each connection."""

    def __init__(
        self,
        hub: Hub,
        sock: socket.socket,
        door: AnyDoor,
        environment: Environment,
        recording: Recording,
        admission: Admission,
    ) -> None:
        super().__init__(hub, sock, door.name, admission.warnings)
        self._admission = admission
        self._door = door
        self._environment = environment
        self._recording = recording
        self._open = 0

    def welcome(self, sock: socket.socket, address: Address) -> None:
        admission = self._admission
        if not admission.admits(self._open):
            admission.warn(self._door.name)
            reset_and_close(sock)
            return
        observer = self._recording.opened(self._door.name, self._door.slug, address)
        try:
            connection = HubConnection(
                self._hub,
                sock,
                observer,
                self._on_close,
                send_seconds=self._environment.limits.send,
            )
        except OSError:
            observer.closed()
            raise
        self._open += 1
        admission.open += 1
        connection.start(self._door.play(Peer(connection, self._environment)))

    def _on_close(self) -> None:
        self._open -= 1
        self._admission.open -= 1
