"""The limit of connections of one server, and the treatment of connections beyond it."""

from __future__ import annotations

from enum import Enum, auto

from hamms_trio.http.serving.service import Service

REFUSED_POLITELY = 128  # connections above the limit that get 503; any others are reset


class Fate(Enum):
    """The treatment of an accepted connection."""

    SERVED = auto()
    REFUSED = auto()  # by a 503
    RESET = auto()


class Capacity:
    """The capacity of one server for connections.

    Attributes:
        limit: the number of connections served at a time.
        waits: True if further connections wait in the kernel's backlog instead of being refused.
    """

    def __init__(self, service: Service) -> None:
        self.limit = service.limits.connections
        self.waits = service.limits.connections_wait
        self._service = service
        self._handshakes = 0  # in progress; they count as connections

    @property
    def accepts(self) -> bool:
        """True if another connection may be accepted; otherwise `Service.on_vacancy` reports when."""
        return not self.waits or self._open < self.limit

    @property
    def fate(self) -> Fate:
        """The treatment of a connection that is not counted yet."""
        if self._open >= self.limit + REFUSED_POLITELY:
            return Fate.RESET
        return Fate.REFUSED if self._service.connections >= self.limit else Fate.SERVED

    def handshake_began(self) -> None:
        """Count a TLS handshake as a connection."""
        self._handshakes += 1

    def handshake_ended(self) -> None:
        """Uncount the handshake; the service counts the connection from now on."""
        self._handshakes -= 1

    def handshake_failed(self, reason: str) -> None:
        """Uncount the handshake and enter the failure into the account."""
        self._handshakes -= 1
        self._service.account.note_handshake_failure(reason)
        self._service.announce_vacancy()

    @property
    def _open(self) -> int:
        return self._service.connections + self._handshakes
