"""How much trouble a run takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how large the measurements are.

    Attributes:
        rounds: how often each subject is measured.
        quick: whether to be short and small, to see that everything works.
    """

    rounds: int
    quick: bool

    def seconds(self, full: float) -> float:
        return full / 3 if self.quick else full

    def count(self, full: int) -> int:
        return full // 10 if self.quick else full
