"""The gate of a listener: it accepts connections, or lets the kernel refuse them for a while."""

from __future__ import annotations

import logging

from hamms_trio.lab.listeners import Listener
from hamms_trio.lab.mode_acceptor import DoorPlayer, ModeAcceptor
from hamms_trio.net.hubs.hub import Hub, Timer
from hamms_trio.net.listening.descriptors import DescriptorShare

logger = logging.getLogger(__name__)


class Gate:
    """The acceptors of one listener.

    Args:
        refuses: real seconds for which the listener's port is closed before it opens.
    """

    def __init__(
        self,
        hub: Hub,
        listener: Listener,
        player: DoorPlayer,
        share: DescriptorShare,
        *,
        refuses: float = 0.0,
    ) -> None:
        self._hub = hub
        self._listener = listener
        self._player = player
        self._share = share
        self._acceptors: list[ModeAcceptor] = []
        self._timer: Timer | None = None  # while the port is closed
        if refuses:
            self._open_after(refuses)
        elif listener.listens:
            self._accept()

    def close(self, seconds: float) -> None:
        """Let the kernel refuse connections for ``seconds`` of real time; accepted ones stay."""
        if self._timer is not None:
            self._hub.cancel(self._timer)
        else:
            self._stop_accepting()
            self._listener.refuse()
        self._open_after(seconds)

    def open(self) -> None:
        """Accept connections again, if they are refused."""
        if self._timer is not None:
            self._hub.cancel(self._timer)
            self._on_timer(self._hub.now())

    def abandon(self) -> None:
        """Close the listener for good."""
        if self._timer is not None:
            self._hub.cancel(self._timer)
            self._timer = None
        self._stop_accepting()
        self._listener.close()

    def _open_after(self, seconds: float) -> None:
        self._timer = self._hub.call_at(self._hub.now() + seconds, self._on_timer)

    def _on_timer(self, _due: float) -> None:
        self._timer = None
        try:
            self._listener.listen()
        except OSError as error:
            logger.error("%s: the port can't be reopened: %s", self._share.name, error)
            return
        self._accept()

    def _accept(self) -> None:
        self._acceptors = [
            ModeAcceptor(self._hub, sock, self._player, self._share)
            for sock in self._listener.sockets
        ]

    def _stop_accepting(self) -> None:
        for acceptor in self._acceptors:
            acceptor.stop()
        self._acceptors.clear()
