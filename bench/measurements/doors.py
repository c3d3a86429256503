"""The CPU of a request through the path door, beyond that at the mode's own port."""

from __future__ import annotations

from collections.abc import Mapping

from bench.children import Server, load
from bench.effort import Effort
from bench.figures import OURS, AtMost, Figure, interleave
from bench.servers import hamms

CONNECTIONS = 64
SECONDS = 1.5
MORE_US = 10.0


def doors(effort: Effort) -> list[Figure]:
    """Measure a small 200 on 64 persistent connections, at the port status and through the path door."""

    def cpu_us(server: Server, door: str, target: str) -> float:
        seen = load(
            "exchange",
            address=server.address(door),
            pid=server.pid,
            connections=CONNECTIONS,
            seconds=effort.seconds(SECONDS),
            target=target,
            varies="",
        )
        return seen["cpu_us"]

    def sample() -> Mapping[str, float]:
        with hamms() as server:
            own = cpu_us(server, "status", "/?status=200")
            through = cpu_us(server, "path", "/mode/status/?status=200")
            return {"more_us": through - own}

    what = "CPU of a request to the mode status through the path door, beyond that at its own port"
    figures = {"more_us": Figure(what, "us", (AtMost(MORE_US),))}
    return interleave(effort.rounds, {OURS: sample}, figures)
