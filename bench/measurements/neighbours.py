"""What one port's clients notice of what is done to the others."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack

from bench.children import Server, background_load, hamms, load
from bench.effort import Effort
from bench.figures import OURS, AtMost, Figure
from bench.machine import held_at_most

SECONDS = 6.0
ABOUT_FOREVER = 90.0
HELD, DRIPPED = 10_000, 6_000  # together below the descriptors that one process may have
FLOODING, CHURNING, UPLOADING = 8, 8, 4
DIFFERENCE_MS = 20.0


def neighbours(effort: Effort) -> list[Figure]:
    """An unhurried client of the port status, while the server is idle and while it is not."""
    idle = Figure("latency of a request to an idle server, 99 in 100", "ms")
    loaded = Figure("the same while all the loads run", "ms")
    worst = Figure("the longest of them", "ms")
    busy = Figure("how busy the loads keep the server, of one processor", "%")
    difference = Figure("what the loads add, 99 in 100", "ms", (AtMost(DIFFERENCE_MS),))
    for _ in range(effort.rounds):
        with hamms() as server:
            before = _probe(server, effort)
            with ExitStack() as stack:
                for background in _loads(server, effort):
                    stack.enter_context(background)
                during = _probe(server, effort)
        idle.add(OURS, before["p99_ms"])
        loaded.add(OURS, during["p99_ms"])
        worst.add(OURS, during["max_ms"])
        busy.add(OURS, during["cpu_percent"])
        difference.add(OURS, max(0.0, during["p99_ms"] - before["p99_ms"]))
    return [idle, loaded, worst, busy, difference]


def _probe(server: Server, effort: Effort) -> dict[str, float]:
    seconds = effort.seconds(SECONDS)
    return load("probe", address=server.address("status"), pid=server.pid, seconds=seconds)


def _loads(server: Server, effort: Effort) -> list[AbstractContextManager[None]]:
    pid, seconds = server.pid, ABOUT_FOREVER
    hang = server.address("tcp-accept-hang")
    held = held_at_most(effort.count(HELD))
    dripped = held_at_most(effort.count(DRIPPED))
    return [
        background_load("hold", address=hang, pid=pid, connections=held, seconds=seconds),
        background_load(
            "drip",
            address=server.address("pace-byte"),
            pid=pid,
            connections=dripped,
            seconds=seconds,
            target="/?interval=1",
        ),
        background_load("upload", address=hang, connections=UPLOADING, seconds=seconds),
        background_load(
            "churn",
            address=server.address("tcp-accept-close"),
            pid=pid,
            parallel=CHURNING,
            seconds=seconds,
        ),
        background_load(
            "flood", address=server.address("status"), connections=FLOODING, seconds=seconds
        ),
    ]
