"""The observer of a connection: the carriers call it, and import nothing of those who keep the account."""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class Ending(Enum):
    """The way in which one side left a connection."""

    FIN = "FIN"
    RST = "RST"
    VANISHED = "vanished"  # stopped answering, and the kernel gave it up


class Observer(Protocol):
    """One connection's observer. No call may raise, block or keep the data."""

    @property
    def name(self) -> str:
        """The name of what the client met, for log lines."""

    @property
    def door(self) -> str:
        """The name of the door through which the client came."""

    def received(self, octets: int) -> None:
        """Note that so many octets came in."""

    def sent(self, data: bytes | memoryview, octets: int) -> None:
        """Note that the kernel took the first ``octets`` of ``data``."""

    def slept(self, seconds: float) -> None:
        """Note that real seconds passed on purpose."""

    def note_left(self, how: Ending) -> None:
        """Note how the client left; the first call counts."""

    def note_ended(self, how: Ending) -> None:
        """Note how the server ended the connection; the first call counts."""

    def closed(self) -> None:
        """Note that the socket is closed, and nothing more will come of this connection."""
