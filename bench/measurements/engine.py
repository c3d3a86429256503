"""The well-behaved server: what a request takes of it, and how long."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from bench.children import Server, has_nginx, load, nginx, peer, workbench
from bench.effort import Effort
from bench.figures import OURS, Below, Figure, Target, interleave

CONNECTIONS = 64
SECONDS = 1.5
DEPTH = 16

IDENTICAL = (Below("uvicorn", 2.5), Below("nginx", 1 / 1.3), Below("hypercorn-trio", 25.0))
DIFFERENT = (Below("uvicorn", 1.7), Below("nginx", 1 / 2))
PIPELINED = (Below("uvicorn", 10.0),)
TASK = (Below("uvicorn", 1.0),)
LATENCY = (Below("uvicorn", 1.0),)


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
        task = {**servers, OURS: stack.enter_context(peer("engine_task"))}
        del task["hypercorn-trio"]
        task.pop("nginx", None)
        figures = _exchanges(effort, servers, "all heads equal", IDENTICAL, LATENCY, unique=False)
        figures += _exchanges(
            effort, servers, "every head different", DIFFERENT, LATENCY, unique=True
        )
        figures += _pipelined(effort, servers)
        figures += _exchanges(effort, task, "by a task of its own", TASK, (), unique=False)
    return figures


def _exchanges(
    effort: Effort,
    servers: Mapping[str, Server],
    what: str,
    targets: tuple[Target, ...],
    latency: tuple[Target, ...],
    *,
    unique: bool,
) -> list[Figure]:
    samples = {
        name: partial(
            load,
            "exchange",
            address=server.address(""),
            pid=server.pid,
            connections=CONNECTIONS,
            seconds=effort.seconds(SECONDS),
            unique=unique,
        )
        for name, server in servers.items()
    }
    title = f"CPU of a request on {CONNECTIONS} persistent connections, {what}"
    figures = {
        "cpu_us": Figure(title, "us", targets),
        "p99_ms": Figure(f"99 in 100 responses are there within, {what}", "ms", latency),
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
    figure = Figure(f"CPU of a request, {DEPTH} of them pipelined", "us", PIPELINED)
    return interleave(effort.rounds, samples, {"cpu_us": figure})
