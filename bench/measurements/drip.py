"""The lateness and the CPU of octets that clients receive once a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial

from bench.children import Server, load
from bench.effort import Effort
from bench.figures import OURS, AtMost, Below, Figure, interleave
from bench.machine import held_at_most
from bench.servers import hamms, peer

CLIENTS = 10_000
SECONDS = 6.0
LATE_MS = 5.0


def drip(effort: Effort) -> list[Figure]:
    """10 000 clients of pace-byte, each of which receives an octet a second."""
    clients, seconds = held_at_most(effort.count(CLIENTS)), max(3.0, effort.seconds(SECONDS))

    def sample(
        start: Callable[[], AbstractContextManager[Server]], target: str = "/"
    ) -> Mapping[str, float]:
        with start() as server:
            return load(
                "drip",
                address=server.address("pace-byte"),
                pid=server.pid,
                connections=clients,
                seconds=seconds,
                target=target,
            )

    samples = {
        OURS: partial(sample, hamms, "/?interval=1"),
        "twisted": partial(sample, partial(peer, "twisted_protocols", "drip")),
        "uvloop": partial(sample, partial(peer, "asyncio_protocols", "uvloop", "drip")),
    }
    dripped = f"of octets for {clients} clients, one a second for each"
    figures = {
        "late_p50_ms": Figure(f"median lateness {dripped}", "ms"),
        "late_p99_ms": Figure(
            f"99th percentile of the lateness {dripped}", "ms", (AtMost(LATE_MS),)
        ),
        "late_max_ms": Figure(f"longest lateness {dripped}", "ms"),
        "uneven_p99_ms": Figure(
            "99th percentile of the difference between a gap and a second", "ms"
        ),
        "cpu_percent": Figure(
            "CPU of the server meanwhile, of one processor", "%", (Below("twisted", 1.0),)
        ),
        "waited_percent": Figure("share of the time that the server waited for its processor", "%"),
    }
    return interleave(effort.rounds, samples, figures)
