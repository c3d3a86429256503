"""The CPU of a request, for every kind of request that has a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from bench.children import Server, load
from bench.effort import Effort
from bench.errors import NotInstalled, Unmeasurable
from bench.figures import OURS, Figure, interleave
from bench.loads.wrk import has_wrk
from bench.peers.table import Site
from bench.workloads import CONNECTIONS, WORKLOADS, Workload, open_site, running

SECONDS = 1.0
WRK_SECONDS = 1.0  # wrk takes whole seconds only


def requests(effort: Effort) -> list[Figure]:
    """Small requests and files on 64 persistent connections; our server logs and counts all of them."""
    return _measure(effort, lambda workload: workload.load, effort.seconds(SECONDS))


def wrk(effort: Effort) -> list[Figure]:
    """Measure the same requests by wrk, a client of other authors."""
    if not has_wrk():
        raise NotInstalled("wrk is not installed (Debian's wrk)")
    return _measure(effort, lambda _: "wrk", WRK_SECONDS)


def _measure(effort: Effort, client: Callable[[Workload], str], seconds: float) -> list[Figure]:
    with open_site() as site:
        return [_cpu(effort, site, workload, client(workload), seconds) for workload in WORKLOADS]


def _cpu(effort: Effort, site: Site, workload: Workload, client: str, seconds: float) -> Figure:
    """Return the CPU of a request of one workload, by a client of `bench.loads`."""
    what = f"CPU of a request on {CONNECTIONS} persistent connections, {workload.what}"
    figure = Figure(what, "us", workload.targets)
    absent = figure.absent

    def sample(name: str, server: Server) -> Mapping[str, float]:
        if name in absent:
            return {}
        try:
            return load(
                client,
                address=server.address(),
                pid=server.pid,
                connections=CONNECTIONS,
                seconds=seconds,
                **workload.request,
            )
        except Unmeasurable as error:
            if name == OURS:
                raise
            # A peer that fails does not keep us from measuring the others.
            absent[name] = str(error)
            return {}

    with running(workload.service, site, records=workload.records) as (servers, missing):
        absent.update(missing)
        samples = {name: partial(sample, name, server) for name, server in servers.items()}
        interleave(effort.rounds, samples, {"cpu_us": figure})
    for name in absent:
        figure.rounds.pop(name, None)
    return figure
