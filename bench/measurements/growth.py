"""The memory that a server keeps of requests that never come again."""

from __future__ import annotations

from collections.abc import Mapping

from bench.children import load
from bench.effort import Effort
from bench.figures import OURS, AtMost, Figure, interleave
from bench.servers import workbench

REQUESTS = 1_000_000
GROWTH_KB = 1000.0  # about an octet for each request; a kept object takes fifty and more


def growth(effort: Effort) -> list[Figure]:
    """Measure memory during a million requests to the workbench, each with a path and an id of its own."""
    requests = effort.count(REQUESTS)

    def sample() -> Mapping[str, float]:
        with workbench() as server:
            return load("wander", address=server.address(""), pid=server.pid, requests=requests)

    tenth = requests // 10
    figures = {
        "start_mb": Figure("memory before the first request", "MB"),
        "filled_mb": Figure(f"memory after {tenth} requests, when the caches are full", "MB"),
        "end_mb": Figure(f"memory after {requests} requests", "MB"),
        "growth_kb": Figure(
            f"memory that the last {requests - tenth} requests add", "KB", (AtMost(GROWTH_KB),)
        ),
    }
    return interleave(effort.rounds, {OURS: sample}, figures)
