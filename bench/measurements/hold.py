"""The memory of a held connection, and the CPU to accept it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial

from bench.children import Server, load
from bench.effort import Effort
from bench.figures import OURS, AtMost, Figure, interleave
from bench.machine import held_at_most
from bench.servers import hamms, peer

CLIENTS = 19_000
OCTETS = 3 * 1024


def hold(effort: Effort) -> list[Figure]:
    """19 000 clients that hang on tcp-accept-hang."""
    clients = held_at_most(effort.count(CLIENTS))

    def sample(start: Callable[[], AbstractContextManager[Server]]) -> Mapping[str, float]:
        # A process of its own for each sample, since a process rarely returns memory.
        with start() as server:
            address = server.address("tcp-accept-hang")
            return load("hold", address=address, pid=server.pid, connections=clients)

    samples = {
        OURS: partial(sample, hamms),
        "twisted": partial(sample, partial(peer, "twisted_protocols", "hold")),
        "uvloop": partial(sample, partial(peer, "asyncio_protocols", "uvloop", "hold")),
    }
    figures = {
        "octets": Figure(
            f"memory of one of {clients} held connections", "octets", (AtMost(OCTETS),)
        ),
        "cpu_us": Figure("CPU to accept and hold one connection", "us"),
    }
    return interleave(effort.rounds, samples, figures)
