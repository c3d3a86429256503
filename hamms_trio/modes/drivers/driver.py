"""The interface of a driver. TLS, HTTP/2 and WebSocket will each be one more file in this folder."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from hamms_trio.modes.encounter import Choose
from hamms_trio.modes.peers.peer import Peer


class Driver(Protocol):
    """Meets each client of a door, and plays failure modes with it until its connection ends."""

    @property
    def name(self) -> str:
        """The driver's name in listings."""

    @property
    def acts(self) -> str:
        """When its modes act; completes the sentence "it acts ..."."""

    @property
    def listens(self) -> bool:
        """True if its doors accept connections."""

    @property
    def needs_port(self) -> str | None:
        """Why its modes need a port of their own, or None if a shared door can reach them."""

    def drive(self, peer: Peer, choose: Choose) -> Coroutine[Any, Any, None]:
        """Play with one client whatever ``choose`` says, for as long as the client stays."""
