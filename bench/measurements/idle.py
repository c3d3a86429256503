"""Idle and half-open connections: their memory, and the latency of another client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial

from bench.children import Server, background_load, load
from bench.effort import Effort
from bench.figures import OURS, AtMost, Figure, interleave
from bench.machine import held_at_most
from bench.measurements.beside import beside
from bench.servers import has_nginx, nginx, peer, workbench

KEPT = 19_000
KEPT_OCTETS = 1024
HALF_OPEN = 1_500  # fewer than the default limit of 2048 connections
OCTET_SECONDS = 0.1  # between two octets of a head, too slow to finish it in time
SECONDS = 12.0  # long enough for the server to refuse all once, 10 seconds after their first octet
DIFFERENCE_MS = 20.0
# More connections, and longer ones, than the defaults of 2048 and 10 seconds allow.
MANY = ("--max-connections", str(KEPT + 1000), "--keepalive-timeout", "60")


def idle(effort: Effort) -> list[Figure]:
    """Measure persistent connections after a request, and clients that send a head octet by octet."""
    return [*_kept(effort), *_half_open(effort)]


def _kept(effort: Effort) -> list[Figure]:
    clients = held_at_most(effort.count(KEPT))

    def sample(start: Callable[[], AbstractContextManager[Server]]) -> Mapping[str, float]:
        # A process of its own for each sample, since a process rarely returns memory.
        with start() as server:
            address = server.address("")
            return load("hold", address=address, pid=server.pid, connections=clients, asks=True)

    samples = {
        OURS: partial(sample, partial(workbench, *MANY)),
        "uvicorn": partial(sample, _uvicorn),
    }
    if has_nginx():
        samples["nginx"] = partial(sample, nginx)
    title = f"memory of one of {clients} persistent connections, after a request"
    figure = Figure(title, "octets", (AtMost(KEPT_OCTETS),))
    return interleave(effort.rounds, samples, {"octets": figure})


def _uvicorn() -> AbstractContextManager[Server]:
    return peer("uvicorn_answer")


def _half_open(effort: Effort) -> list[Figure]:
    connections = effort.count(HALF_OPEN)

    def loads(server: Server) -> list[AbstractContextManager[None]]:
        address, forever = server.address(""), 90.0
        return [
            background_load(
                "creep",
                address=address,
                connections=connections,
                interval=OCTET_SECONDS,
                seconds=forever,
            )
        ]

    what = f"{connections} clients send heads octet by octet"
    return beside(effort, workbench, "", loads, what, seconds=SECONDS, at_most_ms=DIFFERENCE_MS)
