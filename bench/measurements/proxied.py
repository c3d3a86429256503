"""A request through the workbench to a target, beside what the same request costs its client."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from functools import partial

from bench.children import Server, load
from bench.effort import Effort
from bench.figures import OURS, Below, Figure, interleave
from bench.servers import workbench

SECONDS = 3.0
HTTPX = "httpx itself"
PATHS = {"an answer of 11 octets": "/", "an answer that streams": "/stream"}
SAFETY_NET = 10.0


def proxied(effort: Effort) -> list[Figure]:
    """Compare the CPU of the workbench for a request through ``/proxy/`` with httpx's own for the same request."""
    with workbench() as service, workbench() as ours:
        _create_target(ours, service)
        return [
            figure
            for what, path in PATHS.items()
            for figure in _measured(effort, service, ours, what, path)
        ]


def _measured(effort: Effort, service: Server, ours: Server, what: str, path: str) -> list[Figure]:
    title = f"CPU of a request through /proxy/, with {what}"
    figure = Figure(title, "us", (Below(HTTPX, 0.5),))
    direct = partial(_client, effort, address=service.address(), target=path)
    through = partial(
        _client, effort, address=ours.address(), target=f"/proxy/service{path}", pid=ours.pid
    )
    return interleave(effort.rounds, {OURS: through, HTTPX: direct}, {"cpu_us": figure})


def _client(effort: Effort, **arguments: object) -> Mapping[str, float]:
    return load("client", seconds=effort.seconds(SECONDS), **arguments)


def _create_target(ours: Server, service: Server) -> None:
    host, port = service.address()
    target = {"id": "service", "name": "service", "base_url": f"http://{host}:{port}"}
    host, port = ours.address()
    url = f"http://{host}:{port}/api/targets"
    urllib.request.urlopen(url, json.dumps(target).encode(), timeout=SAFETY_NET).close()
