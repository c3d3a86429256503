"""Bounded memories of octets: what has been read once need not be read again.

They are keyed by the octets themselves, so what is found can't mean anything that reading anew would not.
When one is full it is emptied: what matters comes again at once.
"""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

MOST_SIGHTINGS = 4096


class Memory(dict[bytes, T]):
    """What some octets mean.

    Args:
        entries: how many there are at most.
        octets: how long the octets of one are at most; longer ones are not kept.
    """

    __slots__ = ("_entries", "_octets")

    def __init__(self, entries: int, octets: int) -> None:
        super().__init__()
        self._entries = entries
        self._octets = octets

    def keep(self, octets: bytes, meaning: T) -> None:
        if len(octets) <= self._octets:
            if len(self) >= self._entries:
                self.clear()
            self[octets] = meaning


class Sightings(set[int]):
    """Fingerprints of what came once of late: most octets come only once, and would crowd the rest out."""

    __slots__ = ()

    def again(self, octets: bytes) -> bool:
        """Whether these octets have come before; from now on they have."""
        fingerprint = hash(octets)
        if fingerprint in self:
            return True
        if len(self) >= MOST_SIGHTINGS:
            self.clear()
        self.add(fingerprint)
        return False
