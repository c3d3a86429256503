"""Figures, round by round, and the targets that ours are held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

OURS = "hamms-trio"


@dataclass(frozen=True, slots=True)
class AtMost:
    """What our own figure may be."""

    limit: float

    def holds(self, figure: Figure) -> bool:
        return figure.median(OURS) <= self.limit

    def __str__(self) -> str:
        return f"at most {number(self.limit)}"


@dataclass(frozen=True, slots=True)
class Below:
    """How many times less than a peer's our figure has to be."""

    peer: str
    times: float

    def holds(self, figure: Figure) -> bool:
        return figure.ratio(self.peer) >= self.times

    def __str__(self) -> str:
        if self.times < 1:
            return f"at most {1 / self.times:.2g} times it"
        return f"{self.times:.3g} times less" if self.times != 1 else "no more than it"


Target = AtMost | Below


@dataclass(slots=True)
class Figure:
    """One figure of each subject, less being better: what it is, and its value in each round."""

    what: str
    unit: str
    targets: tuple[Target, ...] = ()
    rounds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, subject: str, value: float) -> None:
        self.rounds.setdefault(subject, []).append(value)

    def median(self, subject: str) -> float:
        return median(self.rounds[subject])

    def ratio(self, subject: str) -> float:
        """How many times ours a subject's figure is: each round's own ratio, of these the median."""
        pairs = zip(self.rounds[subject], self.rounds[OURS], strict=True)
        return median(theirs / ours if ours else float("inf") for theirs, ours in pairs)

    @property
    def told(self) -> list[Target]:
        """The targets that hold or don't."""
        return [t for t in self.targets if t not in self.missing]

    @property
    def missing(self) -> list[Below]:
        """The targets that nothing can be said of, because their peer is not installed here."""
        return [t for t in self.targets if isinstance(t, Below) and t.peer not in self.rounds]

    def target(self, subject: str) -> Target | None:
        """The target that is told in a subject's line."""
        for target in self.targets:
            if (target.peer if isinstance(target, Below) else OURS) == subject:
                return target
        return None


Sample = Callable[[], Mapping[str, float]]


def interleave(
    rounds: int, samples: Mapping[str, Sample], figures: Mapping[str, Figure]
) -> list[Figure]:
    """Sample every subject once a round, and enter what each sample has for each figure.

    Each round begins with another subject, so that none always comes after the same.
    """
    subjects = list(samples)
    for number_of_round in range(rounds):
        first = number_of_round % len(subjects)
        for subject in subjects[first:] + subjects[:first]:
            counted = samples[subject]()
            for name, figure in figures.items():
                if name in counted:
                    figure.add(subject, counted[name])
    return list(figures.values())


def number(value: float) -> str:
    """With about three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
