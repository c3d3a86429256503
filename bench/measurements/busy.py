"""The lateness of a failure mode's octets while the workbench's API is busy."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from bench.children import background_load, load
from bench.effort import Effort
from bench.figures import OURS, AtMost, Figure, interleave
from bench.servers import hamms

SECONDS = 6.0
ABOUT_FOREVER = 90.0
CLIENTS = 20  # that receive octets
GAP = 0.05
LATE_MS = 20.0
LOADS = {
    "nobody uses the API": ("", 0),
    "2 clients read and import history": ("history", 2),
    "20 runs of a scenario go on": ("runs", 20),
}


def busy(effort: Effort) -> list[Figure]:
    """Clients of pace-byte, beside an idle API and beside a busy one."""
    found: list[Figure] = []
    for words, (name, clients) in LOADS.items():

        def sample(name: str = name, clients: int = clients) -> Mapping[str, float]:
            return _sample(effort, name, clients)

        limits = (AtMost(LATE_MS),) if name else ()
        figures = {
            "late_p50_ms": Figure(f"median lateness of octets while {words}", "ms"),
            "late_p99_ms": Figure(f"lateness of octets while {words}, 99 in 100", "ms", limits),
        }
        found += interleave(effort.rounds, {OURS: sample}, figures)
    return found


def _sample(effort: Effort, name: str, clients: int) -> Mapping[str, float]:
    with hamms("--workbench", "--only", "pace-byte") as server, ExitStack() as stack:
        if name:
            background = background_load(
                name,
                address=server.address("workbench"),
                connections=clients,
                seconds=ABOUT_FOREVER,
            )
            stack.enter_context(background)
        return load(
            "drip",
            address=server.address("pace-byte"),
            pid=server.pid,
            connections=effort.count(CLIENTS),
            seconds=effort.seconds(SECONDS),
            target=f"/?interval={GAP}",
            interval=GAP,
        )
