"""The backlog of answers that clients have not read, over all connections of one server.

Each connection buffers at most one answer, or about 64 KiB of small ones. But there may be thousands of
connections, and answers of any size. Beyond the limit, the connection whose client has read nothing for the longest
time is evicted: its timeout is the next to expire, and newer clients may still read. A single answer may exceed
the limit.
"""

from __future__ import annotations

from typing import Protocol


class SlowReader(Protocol):
    """A connection whose client has not read its answer."""

    def evict(self) -> None:
        """End the connection soon."""


class Backlog:
    """The octets buffered for clients that do not read.

    Attributes:
        octets: the number of octets buffered now.
    """

    def __init__(self, limit: int) -> None:
        self.octets = 0
        self._limit = limit
        self._kept: dict[SlowReader, int] = {}  # the longest wait comes first

    def keep(self, reader: SlowReader, octets: int) -> None:
        """Set the number of octets that a connection buffers; call again whenever its client has read."""
        self.release(reader)
        self._kept[reader] = octets
        self.octets += octets
        while self.octets > self._limit and len(self._kept) > 1:
            longest = next(iter(self._kept))
            self.release(longest)
            longest.evict()

    def release(self, reader: SlowReader) -> None:
        """Remove a connection that buffers nothing any more."""
        self.octets -= self._kept.pop(reader, 0)
