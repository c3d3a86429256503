"""The observer of a connection, through which `net` reports to ledgers and records."""

from __future__ import annotations

import errno
from enum import Enum
from typing import Protocol


class Ending(Enum):
    """How one side left a connection."""

    FIN = "FIN"
    RST = "RST"
    VANISHED = "vanished"  # the client stopped answering, and the kernel timed out


class Observer(Protocol):
    """The observer of one connection."""

    def received(self, octets: int) -> None:
        """Note that this number of octets came from the client."""

    def sent(self, data: bytes | memoryview, octets: int) -> None:
        """Note that the kernel took the first ``octets`` of ``data``."""

    def note_left(self, how: Ending) -> None:
        """Note that the client has closed its side, or that the connection is lost; the first call counts."""

    def note_ended(self, how: Ending) -> None:
        """Note that we have closed our side; the first call counts."""


_VANISHED = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)


def how_lost(error: OSError) -> Ending:
    """Derive from the kernel's error how the other end left."""
    if error.errno == errno.ECONNRESET:
        return Ending.RST
    if error.errno in _VANISHED:
        return Ending.VANISHED
    return Ending.FIN  # EPIPE, ENOTCONN: the client had closed its side before it reset
