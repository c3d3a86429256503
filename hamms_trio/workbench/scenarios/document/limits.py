"""The caps on scenarios and their runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScenarioLimits:
    """Caps on steps, time and size; the first three figures are the reference's.

    Attributes:
        runs, run_octets: the reports that are kept; the oldest are evicted first.
        seconds: the time of a whole run; a synchronous answer has to begin within 60 s.
        at_once: runs that go on at the same time.
    """

    scenarios: int = 100
    steps: int = 50
    assertions: int = 20
    runs: int = 200
    run_octets: int = 16 * 1024 * 1024
    seconds: float = 50.0
    at_once: int = 64
