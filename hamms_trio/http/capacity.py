"""How many connections there may be, and what becomes of one more."""

from __future__ import annotations

from enum import Enum, auto

from hamms_trio.http.service import Service

REFUSED_POLITELY = 128  # connections above the limit that are told so; more are reset


class Fate(Enum):
    """What becomes of a connection that has been accepted."""

    SERVED = auto()
    REFUSED = auto()  # by a 503
    RESET = auto()


class Capacity:
    """Room for the connections of one server, whoever carries them.

    Attributes:
        limit: how many are served at a time.
        waits: whether those above it are left to wait, instead of being refused.
    """

    def __init__(self, service: Service) -> None:
        self.limit = service.limits.connections
        self.waits = service.limits.connections_wait
        self._service = service
        self._handshakes = 0  # under way; they take room too

    @property
    def accepts(self) -> bool:
        """Whether another may be accepted now; `Service.on_vacancy` says when to look again."""
        return not self.waits or self._open < self.limit

    @property
    def fate(self) -> Fate:
        """What becomes of one that is not counted yet."""
        if self._open >= self.limit + REFUSED_POLITELY:
            return Fate.RESET
        return Fate.REFUSED if self._service.connections >= self.limit else Fate.SERVED

    def handshake_began(self) -> None:
        self._handshakes += 1

    def handshake_ended(self) -> None:
        """It led to a connection, which is counted by the service from now on."""
        self._handshakes -= 1

    def handshake_failed(self, reason: str) -> None:
        self._handshakes -= 1
        self._service.account.note_handshake_failure(reason)
        for tell in self._service.on_vacancy:
            tell()

    @property
    def _open(self) -> int:
        return self._service.connections + self._handshakes
