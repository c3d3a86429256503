"""How many connections one server may have, and the fate of one more."""

from __future__ import annotations

from enum import Enum, auto

from hamms_trio.http.serving.service import Service

REFUSED_POLITELY = 128  # connections above the limit that get a 503; more are reset


class Fate(Enum):
    """The treatment of a connection that has been accepted."""

    SERVED = auto()
    REFUSED = auto()  # by a 503
    RESET = auto()


class Capacity:
    """Room for the connections of one server, on whichever carrier.

    Attributes:
        limit: how many are served at a time.
        waits: True if further connections wait in the kernel instead of being refused.
    """

    def __init__(self, service: Service) -> None:
        self.limit = service.limits.connections
        self.waits = service.limits.connections_wait
        self._service = service
        self._handshakes = 0  # under way; they take room too

    @property
    def accepts(self) -> bool:
        """True if another connection may be accepted now; `Service.on_vacancy` says when to look again."""
        return not self.waits or self._open < self.limit

    @property
    def fate(self) -> Fate:
        """The fate of a connection that is not counted yet."""
        if self._open >= self.limit + REFUSED_POLITELY:
            return Fate.RESET
        return Fate.REFUSED if self._service.connections >= self.limit else Fate.SERVED

    def handshake_began(self) -> None:
        """Count a TLS handshake as a connection."""
        self._handshakes += 1

    def handshake_ended(self) -> None:
        """Count the connection no more; from now on the service does."""
        self._handshakes -= 1

    def handshake_failed(self, reason: str) -> None:
        """Count the connection no more, and enter the failure into the account."""
        self._handshakes -= 1
        self._service.account.note_handshake_failure(reason)
        self._service.announce_vacancy()

    @property
    def _open(self) -> int:
        return self._service.connections + self._handshakes
