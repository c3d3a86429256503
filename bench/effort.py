"""The length and size of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """The length and size of the measurements.

    Attributes:
        rounds: how often to measure each subject.
        quick: whether to be short and small, as a test that everything works.
    """

    rounds: int
    quick: bool

    def seconds(self, full: float) -> float:
        return full / 3 if self.quick else full

    def count(self, full: int) -> int:
        return full // 10 if self.quick else full
