"""Clients that are sent an octet each second: how late it is, and what it takes."""

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
    """10 000 clients on pace-byte at an octet a second each."""
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
    dripped = f"of octets dripped to {clients} clients, one a second to each"
    figures = {
        "late_p50_ms": Figure(f"lateness {dripped}: half are no later than", "ms"),
        "late_p99_ms": Figure("99 in 100 are no later than", "ms", (AtMost(LATE_MS),)),
        "late_max_ms": Figure("none is later than", "ms"),
        "uneven_p99_ms": Figure("99 in 100 gaps are no farther from a second than", "ms"),
        "cpu_percent": Figure("CPU meanwhile, of one processor", "%", (Below("twisted", 1.0),)),
        "waited_percent": Figure("share of the time that others kept it from the processor", "%"),
    }
    return interleave(effort.rounds, samples, figures)
