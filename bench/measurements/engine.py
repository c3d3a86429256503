"""The well-behaved server: latencies at a fixed rate, pipelining, routes with parameters and with tasks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from bench.children import Server, load
from bench.effort import Effort
from bench.figures import OURS, Below, Figure, Target, interleave
from bench.servers import has_nginx, nginx, peer, workbench

CONNECTIONS = 64
SECONDS = 1.5
DEPTH = 16
CALIBRATIONS = 3
SHARE = 0.5  # of uvicorn's rate, which all servers can keep


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind of request and its servers; ``varies`` and ``target`` are those of `bench.loads.requests`."""

    what: str
    servers: Mapping[str, Server]
    varies: str = ""
    target: str = "/"


def engine(effort: Effort) -> list[Figure]:
    """GET / of the workbench at a fixed rate and pipelined, and other kinds of routes of our engine."""
    with ExitStack() as stack:
        servers = {
            OURS: stack.enter_context(workbench()),
            "uvicorn": stack.enter_context(peer("uvicorn_answer")),
        }
        if has_nginx():
            servers["nginx"] = stack.enter_context(nginx())
        routes = stack.enter_context(peer("engine_routes"))
        beside_routes = {**servers, OURS: routes}
        paths = Workload("every path different, of one route", beside_routes, "path", "/items/")
        task = Workload("by a task of its own", {OURS: routes, "uvicorn": servers["uvicorn"]})
        return [
            *_paced(effort, Workload("all heads equal", servers)),
            *_paced(effort, Workload("every head different", servers, "head")),
            *_exchanges(effort, paths, ()),
            *_pipelined(effort, servers),
            *_exchanges(effort, task, (Below("uvicorn", 1.0),)),
        ]


def _exchanges(effort: Effort, workload: Workload, targets: tuple[Target, ...]) -> list[Figure]:
    """Measure as many requests as each server can answer."""
    samples = {name: partial(_exchange, effort, workload, name) for name in workload.servers}
    title = f"CPU of a request on {CONNECTIONS} persistent connections, {workload.what}"
    return interleave(effort.rounds, samples, {"cpu_us": Figure(title, "us", targets)})


def _exchange(effort: Effort, workload: Workload, name: str) -> Mapping[str, float]:
    server = workload.servers[name]
    return load(
        "exchange",
        address=server.address(),
        pid=server.pid,
        connections=CONNECTIONS,
        seconds=effort.seconds(SECONDS),
        target=workload.target,
        varies=workload.varies,
    )


def _paced(effort: Effort, workload: Workload) -> list[Figure]:
    """Measure the latency at a rate that leaves uvicorn idle half of the time."""
    # The best of some tries, because other processes only make a rate lower.
    tries = [_exchange(effort, workload, "uvicorn")["per_second"] for _ in range(CALIBRATIONS)]
    rate = SHARE * max(tries)
    samples = {
        name: partial(
            load,
            "pace",
            address=server.address(),
            connections=CONNECTIONS,
            seconds=effort.seconds(SECONDS),
            rate=rate,
            target=workload.target,
            varies=workload.varies,
        )
        for name, server in workload.servers.items()
    }
    at = f", at {rate:.0f} requests a second"
    promptly = (Below("uvicorn", 1.0),)
    what = workload.what
    figures = {
        "p99_ms": Figure(
            f"latency of 99 in 100 requests, in most tenths of a second, {what}",
            "ms",
            promptly,
            detail=at,
        ),
        "p50_ms": Figure(f"median latency of a request, {what}", "ms", detail=at),
        "max_ms": Figure(f"longest latency of a request, {what}", "ms", detail=at),
    }
    return interleave(effort.rounds, samples, figures)


def _pipelined(effort: Effort, servers: Mapping[str, Server]) -> list[Figure]:
    samples = {
        name: partial(
            load,
            "pipeline",
            address=server.address(),
            pid=server.pid,
            connections=CONNECTIONS,
            seconds=effort.seconds(SECONDS),
            depth=DEPTH,
        )
        for name, server in servers.items()
    }
    figure = Figure(
        f"CPU of a request, {DEPTH} at a time pipelined", "us", (Below("uvicorn", 10.0),)
    )
    return interleave(effort.rounds, samples, {"cpu_us": figure})
