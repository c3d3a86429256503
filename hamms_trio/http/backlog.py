"""What is kept of answers for clients that don't read them, of all connections of a server together.

Each connection keeps one answer at most, or some 64 KiB of small ones; but there may be thousands of
connections, and answers of any size. Beyond the limit, the connection whose client has gone longest without
reading anything is ended: that is the one whose time is up first anyway, while whoever has come last may be
somebody who reads. One answer alone may be larger than the limit.
"""

from __future__ import annotations

from typing import Protocol


class Waiting(Protocol):
    """A connection whose client has not made room for an answer."""

    def let_go(self) -> None:
        """End it soon."""


class Backlog:
    """Octets kept for clients that don't read.

    Attributes:
        octets: how many that are now.
    """

    def __init__(self, limit: int) -> None:
        self.octets = 0
        self._limit = limit
        self._kept: dict[Waiting, int] = {}  # who has waited longest comes first

    def keep(self, waiting: Waiting, octets: int) -> None:
        """A connection keeps so many from now on; to be called again when its client has read some of them."""
        self.release(waiting)
        self._kept[waiting] = octets
        self.octets += octets
        while self.octets > self._limit and len(self._kept) > 1:
            longest = next(iter(self._kept))
            self.release(longest)
            longest.let_go()

    def release(self, waiting: Waiting) -> None:
        """It keeps none any more."""
        self.octets -= self._kept.pop(waiting, 0)
