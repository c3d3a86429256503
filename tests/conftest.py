"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os
import select
import sys
from collections.abc import Generator, Iterator
from functools import partial

import pytest

from hamms_trio import HammsServer
from tests import forks
from tests.lab.servers import HostModes, hosting_modes

pytest_plugins = ["pytester"]

# Processes of the tests, and workers of xdist, share compiled modules even where the environment forbids to keep
# them: to compile all of them again would double what a process costs.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No test leaves a state file behind; those of the state files name their own.
os.environ["HAMMS_STATE"] = ":memory:"


def pytest_xdist_auto_num_workers() -> int:
    """Run two workers for each processor: many tests wait for other processes, or for time that has to pass."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector, which would search the tests over and over, now and later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _end_trunks() -> Iterator[None]:
    yield
    forks.close_trunks()


HUBS = [
    pytest.param(
        "epoll",
        marks=pytest.mark.skipif(not hasattr(select, "epoll"), reason="this platform has no epoll"),
    ),
    "trio",
]


@pytest.fixture(params=HUBS)
def hub_kind(request: pytest.FixtureRequest) -> str:
    """Each kind of hub in turn (see `net.hub.open_hub`)."""
    kind: str = request.param
    return kind


@pytest.fixture
def hosting(hub_kind: str) -> HostModes:
    """Return a function that opens a lab whose clock runs 1000 times as fast as real time."""
    return partial(hosting_modes, hub=hub_kind)


@pytest.fixture
def server(hamms: HammsServer) -> HammsServer:
    """The session's lab on free ports, with no connection, counter or record of the test before."""
    return hamms
