"""The well-behaved server: what a request takes of it, and how long."""

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
SHARE = 0.5  # of what uvicorn can do, for latencies at a rate that both can keep


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked again and again: in words, of whom, and how the requests differ (`bench.loads.requests`)."""

    what: str
    servers: Mapping[str, Server]
    varies: str = ""
    target: str = "/"


def engine(effort: Effort) -> list[Figure]:
    """GET / of the workbench, access log and metrics on; the peers log nothing, but for nginx."""
    with ExitStack() as stack:
        servers = {
            OURS: stack.enter_context(workbench()),
            "uvicorn": stack.enter_context(peer("uvicorn_answer")),
            "hypercorn-trio": stack.enter_context(peer("hypercorn_answer")),
        }
        if has_nginx():
            servers["nginx"] = stack.enter_context(nginx())
        routes = stack.enter_context(peer("engine_routes"))
        equal = Workload("all heads equal", servers)
        different = Workload("every head different", servers, "id")
        paths = Workload(
            "every path different, of one route", {**servers, OURS: routes}, "path", "/items/"
        )
        task = Workload("by a task of its own", {OURS: routes, "uvicorn": servers["uvicorn"]})
        nginx_once, nginx_twice = Below("nginx", 1 / 1.3), Below("nginx", 1 / 2)
        hypercorn = Below("hypercorn-trio", 25.0)
        return [
            *_exchanges(effort, equal, (Below("uvicorn", 2.5), nginx_once, hypercorn)),
            *_paced(effort, equal),
            *_exchanges(effort, different, (Below("uvicorn", 1.7), nginx_twice)),
            *_paced(effort, different),
            *_exchanges(effort, paths, ()),
            *_pipelined(effort, servers),
            *_exchanges(effort, task, (Below("uvicorn", 1.0),)),
        ]


def _exchanges(effort: Effort, workload: Workload, targets: tuple[Target, ...]) -> list[Figure]:
    """As many requests as each server can answer: what they cost it, and how evenly they are answered."""
    samples = {name: partial(_exchange, effort, workload, name) for name in workload.servers}
    title = f"CPU of a request on {CONNECTIONS} persistent connections, {workload.what}"
    within = f"the same at full load: 99 in 100 responses are there within, {workload.what}"
    figures = {"cpu_us": Figure(title, "us", targets), "p99_ms": Figure(within, "ms")}
    return interleave(effort.rounds, samples, figures)


def _exchange(effort: Effort, workload: Workload, name: str) -> Mapping[str, float]:
    server = workload.servers[name]
    return load(
        "exchange",
        address=server.address(""),
        pid=server.pid,
        connections=CONNECTIONS,
        seconds=effort.seconds(SECONDS),
        target=workload.target,
        varies=workload.varies,
    )


def _paced(effort: Effort, workload: Workload) -> list[Figure]:
    """As many requests for each server as uvicorn can answer with half its time to spare: how late they are."""
    # The best of some, because what else the machine does only makes it less.
    tries = [_exchange(effort, workload, "uvicorn")["per_second"] for _ in range(CALIBRATIONS)]
    rate = SHARE * max(tries)
    samples = {
        name: partial(
            load,
            "pace",
            address=server.address(""),
            connections=CONNECTIONS,
            seconds=effort.seconds(SECONDS),
            rate=rate,
            target=workload.target,
            varies=workload.varies,
        )
        for name, server in workload.servers.items()
        if name != "hypercorn-trio"  # it can't keep that rate
    }
    at = f"at {rate:.0f} requests a second, {workload.what}"
    figures = {
        "p99_ms": Figure(
            f"99 in 100 are answered within, in most tenths of a second, {at}",
            "ms",
            (Below("uvicorn", 1.0),),
        ),
        "p50_ms": Figure("half of them are answered within", "ms"),
        "max_ms": Figure("all of them are answered within", "ms"),
    }
    return interleave(effort.rounds, samples, figures)


def _pipelined(effort: Effort, servers: Mapping[str, Server]) -> list[Figure]:
    samples = {
        name: partial(
            load,
            "pipeline",
            address=server.address(""),
            pid=server.pid,
            connections=CONNECTIONS,
            seconds=effort.seconds(SECONDS),
            depth=DEPTH,
        )
        for name, server in servers.items()
        if name != "hypercorn-trio"  # it does not pipeline
    }
    figure = Figure(f"CPU of a request, {DEPTH} of them pipelined", "us", (Below("uvicorn", 10.0),))
    return interleave(effort.rounds, samples, {"cpu_us": figure})
