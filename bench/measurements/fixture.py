"""A test's server: start, first answer, stop, in the test's own process."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial

from bench.children import LOAD_SECONDS, child
from bench.effort import Effort
from bench.figures import OURS, AtMost, Figure, interleave
from bench.machine import server_cpu

CYCLES = {OURS: 200, "http.server": 4, "uvicorn": 8}
CYCLE_MS = 5.0


def fixture(effort: Effort) -> list[Figure]:
    """`HammsServer` in a test, after its import: all of its ports, one request."""
    figure = Figure("start, first answer and stop, in one process", "ms", (AtMost(CYCLE_MS),))
    samples = {
        name: partial(_cycle, name, max(3, effort.count(cycles))) for name, cycles in CYCLES.items()
    }
    return interleave(effort.rounds, samples, {"cycle_ms": figure})


def _cycle(name: str, cycles: int) -> Mapping[str, float]:
    command = [sys.executable, "-m", "bench.peers.fixtures", name, str(cycles)]
    with child(command, cpu=server_cpu()) as process:
        return {"cycle_ms": json.loads(process.line(LOAD_SECONDS))}
