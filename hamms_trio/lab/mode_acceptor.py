"""The acceptor of a door, and the player that runs its failure mode on connections."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

from hamms_trio.lab.connection import ModeConnection
from hamms_trio.lab.doors import AnyDoor
from hamms_trio.modes.encounter import Find
from hamms_trio.modes.model.environment import Environment
from hamms_trio.modes.peers.peer import Peer, knows_no_others
from hamms_trio.net.accepted import GivenAnswer, Handover
from hamms_trio.net.hubs.hub import Hub
from hamms_trio.net.listening.acceptor import Acceptor, Address
from hamms_trio.net.listening.descriptors import DescriptorShare
from hamms_trio.net.socket import Socket
from hamms_trio.recording.recorder import Recorder, Recording, Watch


class DoorPlayer:
    """The player of one door, for accepted connections and handed-over ones."""

    def __init__(
        self,
        hub: Hub,
        door: AnyDoor,
        environment: Environment,
        recording: Recording,
        find: Find = knows_no_others,
    ) -> None:
        self._find = find
        self._hub = hub
        self._door = door
        self._name, self._slug = door.name, door.slug
        self._environment = environment
        self._send_seconds = environment.limits.send
        self._recording = recording

    def welcome(
        self, sock: Socket, client: tuple[str, int], on_end: Callable[[], None]
    ) -> ModeConnection:
        """Play the door's failure mode on an accepted connection, and return the connection.

        Args:
            sock: a non-blocking socket that no hub watches.
            on_end: see `Handover`.

        Raises:
            OSError: the kernel has no memory for the registration; the caller closes the socket.
        """
        observer = self._recording.opened(self._name, self._slug, client)
        connection = self._connect(sock, client, observer, on_end)
        connection.start(self._door.play(Peer(connection, self._environment, self._find)))
        return connection

    def play(self, handover: Handover) -> ModeConnection:
        """Play the door's failure mode on a handed-over connection, and return the connection.

        Raises:
            OSError: see `welcome`.
        """
        observer = handover.observer
        is_new = not isinstance(observer, Recorder)
        if not isinstance(observer, Recorder):
            number = observer.number if isinstance(observer, Watch) else None
            observer = self._recording.opened(self._name, self._slug, handover.client, number)
        connection = self._connect(
            handover.sock,
            handover.client,
            observer,
            handover.on_end,
            handover.octets,
            handover.giver,
            is_new,
        )
        peer = Peer(connection, self._environment, self._find)
        if not is_new:
            peer.http.exchanges = observer.requests  # those before the connection was lent again
        if handover.on_answered is not None:
            connection.on_answered = partial(_report, observer, handover.on_answered)
        connection.start(self._door.play(peer))
        return connection

    def _connect(
        self,
        sock: Socket,
        client: tuple[str, int],
        observer: Recorder,
        on_end: Callable[[], None],
        octets: bytes = b"",
        giver: Callable[[Handover], None] | None = None,
        has_record: bool = True,
    ) -> ModeConnection:
        """Return the connection on the hub; without one, close the record that was opened for it."""
        try:
            return ModeConnection(
                self._hub,
                sock,
                client,
                observer,
                self._send_seconds,
                on_end,
                octets,
                giver,
                has_record,
            )
        except OSError:
            if has_record:
                observer.closed()
            raise


def _report(observer: Recorder, on_answered: Callable[[GivenAnswer], None]) -> None:
    on_answered(observer.answered)


class ModeAcceptor(Acceptor):
    """An acceptor that gives each connection to a player."""

    def __init__(
        self, hub: Hub, sock: socket.socket, player: DoorPlayer, share: DescriptorShare
    ) -> None:
        super().__init__(hub, sock, share)
        self._player = player
        self._on_end: Callable[[], None] = share.release

    def welcome(self, sock: socket.socket, address: Address) -> None:
        self._player.welcome(sock, address, self._on_end)
