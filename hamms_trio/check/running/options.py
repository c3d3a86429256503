"""The options of one check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hamms_trio.check.plan.needs import DECLARED, Need
from hamms_trio.check.report import ModeReport
from hamms_trio.check.running.lab import DOORS
from hamms_trio.errors import ClientUnusable

JOBS = 16
TIMEOUT = 1.0
DRIVERS_AT_ONCE = 8  # programs of the line driver
MOST_JOBS = 256


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of one check.

    Attributes:
        suites: the suites to run (see `plan.suites.chosen`).
        excluded: the suites to leave out.
        timeout: the client's, in seconds.
        cap: seconds after which a client is stopped at the earliest; 0 for the shortest that tells verdicts apart.
        jobs: how many cells run at once.
        repeat: how often each cell is run.
        seed: decides every random choice, the nonces included.
        door: where a mode is met: ``port`` or ``path``.
        can: words for what the client can do, which no probe finds out.
        meta: the prefix of a line of the standard error with JSON for the check.

    Raises:
        ClientUnusable: a choice can't be used.
    """

    suites: tuple[str, ...] = ("core",)
    excluded: tuple[str, ...] = ()
    timeout: float = TIMEOUT
    cap: float = 0.0
    jobs: int = JOBS
    repeat: int = 1
    seed: int = 0
    door: str = "port"
    can: tuple[str, ...] = ()
    meta: str = "HAMMS:"

    def __post_init__(self) -> None:
        words = {need.word for need in DECLARED}
        if unknown := [word for word in self.can if word not in words]:
            raise ClientUnusable(f"--can {unknown[0]}: give one of {', '.join(sorted(words))}")
        if self.door not in DOORS:
            raise ClientUnusable(f"--door {self.door}: give one of {', '.join(DOORS)}")
        if not 0.1 <= self.timeout <= 60:
            raise ClientUnusable(f"--timeout {self.timeout:g}: give 0.1 to 60 seconds")
        if not 1 <= self.jobs <= MOST_JOBS or self.repeat < 1:
            raise ClientUnusable(
                f"--jobs and --repeat: give at least 1, and {MOST_JOBS} jobs at most"
            )

    @property
    def declared(self) -> frozenset[Need]:
        """The abilities that the user declares."""
        return frozenset(need for need in DECLARED if need.word in self.can)


OnProgress = Callable[[int, int, str, ModeReport | None], None]
"""Called with the number of cells that are done, that of all, a slug, and its report once there is one."""


def no_progress(done: int, of: int, slug: str, report: ModeReport | None) -> None:
    """Show nothing."""
