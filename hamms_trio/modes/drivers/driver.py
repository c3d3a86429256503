"""The interface of a driver. TLS, HTTP/2 and WebSocket will each be one more file in this folder."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from hamms_trio.modes.encounter import Choose
from hamms_trio.modes.peers.peer import Peer


class Driver(Protocol):
    """The driver of a door, which handles each connection to its end and lets failure modes act."""

    @property
    def name(self) -> str:
        """The driver's name in listings."""

    @property
    def acts(self) -> str:
        """The moment at which its modes act; completes the sentence "the mode acts ..."."""

    @property
    def listens(self) -> bool:
        """True if its doors accept connections."""

    @property
    def needs_port(self) -> str | None:
        """The reason why its modes need a port of their own; None if a shared door can reach them."""

    def drive(self, peer: Peer, choose: Choose) -> Coroutine[Any, Any, None]:
        """Play the encounters that ``choose`` returns on one connection, until the connection ends."""
