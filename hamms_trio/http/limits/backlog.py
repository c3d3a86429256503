"""Answers that wait for clients that do not read them, over all connections of one server.

Each connection keeps one answer at most, or some 64 KiB of small ones; but there may be thousands of
connections, and answers of any size. Beyond the limit, the connection whose client has read nothing for the longest
time is evicted: its time is up first anyway, while the latest client may be one that reads. A single answer may
be larger than the limit.
"""

from __future__ import annotations

from typing import Protocol


class SlowReader(Protocol):
    """A connection whose client has not made room for an answer."""

    def evict(self) -> None:
        """End the connection soon."""


class Backlog:
    """Octets that are kept for clients that do not read.

    Attributes:
        octets: kept now.
    """

    def __init__(self, limit: int) -> None:
        self.octets = 0
        self._limit = limit
        self._kept: dict[SlowReader, int] = {}  # the one that has waited longest comes first

    def keep(self, reader: SlowReader, octets: int) -> None:
        """Note that a connection keeps so many octets; call again when its client has read some of them."""
        self.release(reader)
        self._kept[reader] = octets
        self.octets += octets
        while self.octets > self._limit and len(self._kept) > 1:
            longest = next(iter(self._kept))
            self.release(longest)
            longest.evict()

    def release(self, reader: SlowReader) -> None:
        """Note that a connection keeps nothing any more."""
        self.octets -= self._kept.pop(reader, 0)
