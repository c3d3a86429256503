"""The latency on one port while all other ports are under load."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

from bench.children import Server, background_load
from bench.effort import Effort
from bench.figures import Figure
from bench.machine import held_at_most
from bench.measurements.beside import beside
from bench.servers import hamms

SECONDS = 6.0
ABOUT_FOREVER = 90.0
HELD, DRIPPED = 10_000, 6_000  # together below the descriptors that one process may have
FLOODING, CHURNING, UPLOADING = 8, 8, 4
DIFFERENCE_MS = 20.0
# The modes that take most of the processor: for an answer, for coding it, and for a body that hardly ends.
WORST = ("frame-cl-conflict", "coding-empty-members", "frame-te-gzip-chunked", "redirect-body")
CROWD, CROWD_SECONDS, CROWD_MS = 1_000, 3.0, 50.0


def neighbours(effort: Effort) -> list[Figure]:
    """One client of the port status, first beside an idle server, then beside all the loads."""
    loads = partial(_loads, effort)
    what = "other ports are under load"
    found = beside(effort, hamms, "status", loads, what, seconds=SECONDS, at_most_ms=DIFFERENCE_MS)
    for mode in WORST:
        what = f"{effort.count(CROWD)} clients ask {mode}"
        crowd = partial(_crowd, effort, mode)
        found += beside(
            effort, hamms, "status", crowd, what, seconds=CROWD_SECONDS, at_most_ms=CROWD_MS
        )
    return found


def _crowd(effort: Effort, mode: str, server: Server) -> list[AbstractContextManager[None]]:
    return [
        background_load(
            "crowd",
            address=server.address("path"),
            connections=held_at_most(effort.count(CROWD)),
            target=f"/mode/{mode}/x",
            seconds=ABOUT_FOREVER,
        )
    ]


def _loads(effort: Effort, server: Server) -> list[AbstractContextManager[None]]:
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
