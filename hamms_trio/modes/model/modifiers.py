"""Modifiers: when any failure mode strikes, and how its octets leave.

They are declared once, here, and wrap every mode without its knowing. A mode's own parameter of the
same name wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from hamms_trio.canary import check_nonce
from hamms_trio.errors import ParameterError
from hamms_trio.modes.model.environment import chance
from hamms_trio.modes.model.parameters import (
    MEBIBYTE,
    Parameter,
    Range,
    Seconds,
    Seed,
    Share,
    Text,
    Times,
    Value,
)

Rate = Annotated[float, Range("octets per second", 0, 1024 * MEBIBYTE)]
Slice = Annotated[int, Range("octets", 0, MEBIBYTE)]

PACED_SECONDS = 0.05  # of octets leave at once where only a rate is given
LARGEST_SLICE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Modifiers:
    """The modifiers of one encounter.

    Attributes:
        share: the share of the requests that the fault strikes; the others get a healthy canary.
        every: the fault strikes every n-th request only; 0 for every request.
        first: the fault strikes the first n requests only; 0 for no limit.
        skip: the number of requests that the fault spares before it strikes.
        key: the name of the counter of requests; requests with another key count apart.
        rate: the most octets that leave in a second; 0 for no limit.
        slice: the most octets that leave in one piece; 0 for no limit.
        delay: the seconds before each piece.
        jitter: the most seconds by which a delay is longer or shorter.
        nonce: the nonce of the canary and of the ledger's records; by default the server makes one.
        seed: the seed of every random choice; by default the server's own.
    """

    share: Share = 1.0
    every: Times = 0
    first: Times = 0
    skip: Times = 0
    key: Text = "default"
    rate: Rate = 0.0
    slice: Slice = 0
    delay: Seconds = 0.0
    jitter: Seconds = 0.0
    nonce: Text | None = None
    seed: Seed | None = None

    @property
    def is_choosy(self) -> bool:
        """True if not every request is struck, so that requests have to be counted."""
        return self.share < 1 or bool(self.every or self.first or self.skip)

    @property
    def is_paced(self) -> bool:
        """True if octets do not simply leave."""
        return bool(self.rate or self.slice or self.delay or self.jitter)

    def strikes(self, seed: int, slug: str, nth: int) -> bool:
        """Return True if the fault strikes the request that is the ``nth`` of its key, from 1 on."""
        after = nth - self.skip
        if after < 1 or (self.first and after > self.first):
            return False
        if self.every and after % self.every:
            return False
        return self.share >= 1 or chance(self._seed(seed), slug, self.key, nth) < self.share

    def pieces(self, octets: int) -> Iterator[tuple[int, int]]:
        """Yield beginning and end of each part of so many octets; the parts leave one by one."""
        most = self.slice or (
            max(1, min(int(self.rate * PACED_SECONDS), LARGEST_SLICE)) if self.rate else octets
        )
        for at in range(0, octets, max(1, most)):
            yield at, min(at + most, octets)

    def pause(self, seed: int, slug: str, nth: int, piece: int, octets: int) -> float:
        """Return the seconds before this piece of the ``nth`` answer, which has so many octets."""
        seconds = self.delay + (octets / self.rate if self.rate else 0.0)
        if self.jitter:
            draw = chance(self._seed(seed), slug, self.key, "jitter", nth, piece)
            seconds += self.jitter * (2 * draw - 1)
        return max(0.0, seconds)

    def _seed(self, seed: int) -> int:
        return seed if self.seed is None else self.seed


MODIFIERS = Parameter.all_of(Modifiers)
NONE = Modifiers()


def modifiers_of(values: Mapping[str, Value]) -> Modifiers:
    """Return the modifiers with these values.

    Raises:
        ParameterError: the nonce can't stand in a canary.
    """
    nonce = values.get("nonce")
    if nonce is not None:
        try:
            check_nonce(str(nonce))
        except ValueError as error:
            raise ParameterError(str(error)) from None
    return Modifiers(**values)  # type: ignore[arg-type] # parsed by the parameters of the same names
