"""Tries that succeed or fail: how many succeeded, and how long those took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.figures import number

Try = float | None  # the time of a try, or None if it failed


@dataclass(frozen=True, slots=True)
class Always:
    """Every try succeeds, and half of them take less than a limit, if there is one."""

    below: float | None = None

    def holds(self, tries: Sequence[Try]) -> bool:
        took = [t for t in tries if t is not None]
        return len(took) == len(tries) and (self.below is None or median(took) < self.below)

    def __str__(self) -> str:
        return "all" if self.below is None else f"all, median below {number(self.below)}"


@dataclass(slots=True)
class Trials:
    """The tries of each subject.

    Attributes:
        success: the meaning of a success, as short as the heading of a column.
        targets: the targets of some of the subjects.
        unmeasured: the reason for each line that is missing from the table.
    """

    what: str
    unit: str
    success: str
    targets: dict[str, Always] = field(default_factory=dict)
    tries: dict[str, list[Try]] = field(default_factory=dict)
    unmeasured: list[str] = field(default_factory=list)

    def add(self, subject: str, tries: Sequence[Try], target: Always | None = None) -> None:
        self.tries.setdefault(subject, []).extend(tries)
        if target is not None:
            self.targets[subject] = target

    def add_all(self, tries: Mapping[str, Sequence[Try]], target: Always | None = None) -> None:
        for subject, tried in tries.items():
            self.add(subject, tried, target)

    def share(self, subject: str) -> float:
        """Return how many per cent of the tries succeeded."""
        tries = self.tries[subject]
        return 100 * sum(t is not None for t in tries) / len(tries)

    def took(self, subject: str) -> list[float]:
        """Return the times of the tries that succeeded."""
        return [t for t in self.tries[subject] if t is not None]

    def holds(self, subject: str) -> bool:
        """Return whether a subject's target holds."""
        return self.targets[subject].holds(self.tries[subject])
