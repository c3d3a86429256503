"""Modifiers: when any failure mode strikes, and how its octets leave.

They are declared once, here, and wrap every mode without its knowing. A mode's own parameter of the
same name wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
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

PacedRate = Annotated[float, Range("octets per second", 0, 1024 * MEBIBYTE)]
PacedSlice = Annotated[int, Range("octets", 0, MEBIBYTE)]

PACED_SECONDS = 0.05  # of octets in one piece, where only a rate is given
LARGEST_SLICE = 64 * 1024


@dataclass(frozen=True)
class Modifiers:
    """The modifiers of one encounter.

    Attributes:
        share: the share of the requests that the fault strikes; the others get a healthy canary.
        every: the fault strikes every Nth request only; 0 stands for each.
        first: the fault strikes the first N requests only; 0 stands for no limit.
        skip: the first N requests are spared.
        key: the key by which requests are counted.
        rate: the most octets in a second; 0 stands for no limit.
        slice: the most octets in one piece; 0 stands for no limit.
        delay: seconds before each piece.
        jitter: the most seconds by which a delay is longer or shorter.
        nonce: the nonce of the canary and the ledger; None for one that the server makes.
        seed: the seed of every choice; None stands for the server's own.
    """

    share: Share = 1.0
    every: Times = 0
    first: Times = 0
    skip: Times = 0
    key: Text = "default"
    rate: PacedRate = 0.0
    slice: PacedSlice = 0
    delay: Seconds = 0.0
    jitter: Seconds = 0.0
    nonce: Text | None = None
    seed: Seed | None = None

    @cached_property
    def is_choosy(self) -> bool:
        """True if not every request is struck, so that requests have to be counted."""
        return self.share < 1 or bool(self.every or self.first or self.skip)

    @cached_property
    def is_paced(self) -> bool:
        """True if a modifier changes how octets leave."""
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
        """Yield the beginning and the end of each piece of ``octets``; the pieces leave one by one."""
        most = self.slice or (
            max(1, min(int(self.rate * PACED_SECONDS), LARGEST_SLICE)) if self.rate else octets
        )
        for at in range(0, octets, max(1, most)):
            yield at, min(at + most, octets)

    def pause(self, seed: int, slug: str, nth: int, piece: int, octets: int) -> float:
        """Return the seconds before this piece, of ``octets``, of the ``nth`` answer."""
        seconds = self.delay + (octets / self.rate if self.rate else 0.0)
        if self.jitter:
            draw = chance(self._seed(seed), slug, self.key, "jitter", nth, piece)
            seconds += self.jitter * (2 * draw - 1)
        return max(0.0, seconds)

    def _seed(self, seed: int) -> int:
        return seed if self.seed is None else self.seed


MODIFIERS = Parameter.all_of(Modifiers)
NO_MODIFIERS = Modifiers()


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
