"""The latency of one client while other clients load the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack

from bench.children import Server, load
from bench.effort import Effort
from bench.figures import OURS, AtMost, Figure

Loads = Callable[[Server], Sequence[AbstractContextManager[None]]]


def beside(
    effort: Effort,
    start: Callable[[], AbstractContextManager[Server]],
    slug: str,
    loads: Loads,
    what: str,
    *,
    seconds: float,
    at_most_ms: float,
    **how: object,
) -> list[Figure]:
    """Return the client's latencies before the loads, and while they run.

    Args:
        slug: the failure mode whose port the client asks.
        what: the loads, in words.
        at_most_ms: the limit of the latency that the loads add to 99 in 100 requests.
        how: further arguments of `bench.loads.probe`.
    """
    idle = Figure(f"latency of a request to an idle server, 99 in 100 (before {what})", "ms")
    loaded = Figure(f"latency of a request while {what}, 99 in 100", "ms")
    worst = Figure(f"longest latency while {what}", "ms")
    busy = Figure(f"CPU of the server while {what}, of one processor", "%")
    difference = Figure(f"latency added while {what}, 99 in 100", "ms", (AtMost(at_most_ms),))
    seconds = effort.seconds(seconds)
    for _ in range(effort.rounds):
        with start() as server:
            before = _probe(server, slug, seconds, how)
            with ExitStack() as stack:
                for background in loads(server):
                    stack.enter_context(background)
                during = _probe(server, slug, seconds, how)
        idle.add(OURS, before["p99_ms"])
        loaded.add(OURS, during["p99_ms"])
        worst.add(OURS, during["max_ms"])
        busy.add(OURS, during["cpu_percent"])
        difference.add(OURS, max(0.0, during["p99_ms"] - before["p99_ms"]))
    return [idle, loaded, worst, busy, difference]


def _probe(
    server: Server, slug: str, seconds: float, how: Mapping[str, object]
) -> dict[str, float]:
    return load("probe", address=server.address(slug), pid=server.pid, seconds=seconds, **how)
