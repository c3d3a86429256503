"""Fixtures for all tests."""

from __future__ import annotations

import os
import select
from functools import partial

import pytest

from hamms_trio import HammsServer
from tests.lab.servers import HostModes, hosting_modes

pytest_plugins = ["pytester"]

# No test leaves a state file behind; those of the state files name their own.
os.environ["HAMMS_STATE"] = ":memory:"

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
