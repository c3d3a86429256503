"""The workloads beside peers that are missing, that do not start, and that answer wrongly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

if sys.platform != "linux":
    pytest.skip("the measurements need Linux", allow_module_level=True)

from bench import workloads
from bench.children import Server
from bench.effort import Effort
from bench.errors import NotInstalled, Unmeasurable
from bench.figures import OURS, Below
from bench.measurements import request_cpu as measurement
from bench.peers.table import PEERS, Peer, Service, Site
from bench.servers import peer, workbench

ONE_ROUND = Effort(rounds=1, quick=True)


@contextmanager
def broken(_: Site) -> Iterator[Server]:
    raise Unmeasurable("it does not start")
    yield


@contextmanager
def unrelated(_: Site) -> Iterator[Server]:
    """Serve something that answers no HTTP request."""
    with peer("asyncio_protocols", "asyncio", "close") as server:
        yield server


@contextmanager
def twin(_: Site) -> Iterator[Server]:
    with workbench() as server:
        yield server


def test_a_peer_that_cannot_be_measured_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peers = (
        Peer("ghost", lambda: "pip install ghost", {Service.GREET: twin}),
        Peer("broken", lambda: "", {Service.GREET: broken}),
        Peer("closing", lambda: "", {Service.GREET: unrelated}),
        Peer("files only", lambda: "", {Service.FILES: broken}),
        Peer("twin", lambda: "", {Service.GREET: twin}),
    )
    monkeypatch.setattr(workloads, "PEERS", peers)
    equal = replace(workloads.WORKLOADS[0], targets=(Below("ghost", 1.0), Below("twin", 0.1)))
    monkeypatch.setattr(measurement, "WORKLOADS", (equal,))

    (figure,) = measurement.requests(ONE_ROUND)

    assert figure.rounds.keys() == {OURS, "twin"}
    assert figure.absent.keys() == {"ghost", "broken", "closing"}
    assert figure.absent["ghost"] == "not installed (pip install ghost)"
    assert figure.absent["broken"] == "it does not start"
    assert [target.peer for target in figure.undecided] == ["ghost"]


def test_a_run_without_wrk_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotInstalled, match="Debian's wrk"):
        measurement.wrk(ONE_ROUND)


def test_each_target_names_a_peer_that_performs_the_task() -> None:
    services = {peer.name: peer.services for peer in PEERS}
    for workload in workloads.WORKLOADS:
        for target in workload.targets:
            assert isinstance(target, Below)
            assert workload.service in services[target.peer]
