"""Fixtures for all tests."""

from __future__ import annotations

import select
from functools import partial

import pytest

from tests.lab.servers import HostModes, hosting_modes

pytest_plugins = ["pytester"]

_KINDS = [
    pytest.param(
        False,
        id="hub",
        marks=pytest.mark.skipif(not hasattr(select, "epoll"), reason="the hub needs epoll"),
    ),
    pytest.param(True, id="portable"),
]


@pytest.fixture(params=_KINDS)
def hosting(request: pytest.FixtureRequest) -> HostModes:
    """``async with hosting(modes, environment=...) as hamms``; the modes' clock is 1000 times ours."""
    return partial(hosting_modes, portable=request.param)


@pytest.fixture
def hub_hosting() -> HostModes:
    """The same on the hub only, for what trio streams do not promise."""
    if not hasattr(select, "epoll"):
        pytest.skip("the hub needs epoll")
    return partial(hosting_modes, portable=False)
