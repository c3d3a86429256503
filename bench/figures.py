"""Figures, round by round, and the targets of our own figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

OURS = "hamms-trio"


@dataclass(frozen=True, slots=True)
class AtMost:
    """A limit of our own figure."""

    limit: float

    def holds(self, figure: Figure) -> bool:
        """Return whether our figure keeps the limit."""
        return figure.median(OURS) <= self.limit

    def outcome(self, figure: Figure) -> str:
        """Return our figure in words."""
        return f"{number(figure.median(OURS))} {figure.unit}"

    def __str__(self) -> str:
        return f"at most {number(self.limit)}"


@dataclass(frozen=True, slots=True)
class Below:
    """A limit of our figure relative to a peer's, which has to be at least so many times ours."""

    peer: str
    times: float

    def holds(self, figure: Figure) -> bool:
        """Return whether the peer's figure is enough times ours."""
        return figure.ratio(self.peer) >= self.times

    def outcome(self, figure: Figure) -> str:
        """Return the measured ratio in words."""
        ratio = figure.ratio(self.peer)
        if self.times <= 1:
            return f"ours takes {1 / ratio:.2f} times {self.peer}'s"
        return f"{self.peer} takes {ratio:.2f} times ours"

    def __str__(self) -> str:
        if self.times < 1:
            return f"at most {1 / self.times:.3g} times it"
        return f"{self.times:.3g} times less" if self.times != 1 else "no more than it"


def times_at_most(peer: str, times: float) -> Below:
    """Return the target that our figure is at most so many times a peer's."""
    return Below(peer, 1 / times)


Target = AtMost | Below


@dataclass(slots=True)
class Figure:
    """One figure of each subject, in each round; less is better.

    Attributes:
        what: the figure's name, which two runs share.
        detail: a part of the title that differs from run to run.
        absent: the subjects that could not be measured, each with the reason.
        remarks: why a subject is ahead or behind, by its name.
    """

    what: str
    unit: str
    targets: tuple[Target, ...] = ()
    rounds: dict[str, list[float]] = field(default_factory=dict)
    detail: str = ""
    absent: dict[str, str] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.what}{self.detail}"

    def add(self, subject: str, value: float) -> None:
        self.rounds.setdefault(subject, []).append(value)

    def median(self, subject: str) -> float:
        return median(self.rounds[subject])

    def ratio(self, subject: str) -> float:
        """Return how many times ours a subject's figure is: the median of each round's ratio."""
        pairs = zip(self.rounds[subject], self.rounds[OURS], strict=True)
        return median(theirs / ours if ours else float("inf") for theirs, ours in pairs)

    @property
    def decided(self) -> list[Target]:
        """The targets that hold or are missed."""
        return [t for t in self.targets if t not in self.undecided]

    @property
    def undecided(self) -> list[Below]:
        """The targets beside a peer that was not measured."""
        return [t for t in self.targets if isinstance(t, Below) and t.peer not in self.rounds]

    def target(self, subject: str) -> Target | None:
        """Return the target that belongs in a subject's line."""
        for target in self.targets:
            if (target.peer if isinstance(target, Below) else OURS) == subject:
                return target
        return None


Sample = Callable[[], Mapping[str, float]]


def interleave(
    rounds: int, samples: Mapping[str, Sample], figures: Mapping[str, Figure]
) -> list[Figure]:
    """Sample every subject once a round, and enter each sample's values in the figures.

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
    """Format a value with about three significant digits."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
