"""One fast server for the tests of streams, and a client that asks its path door."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hamms_trio import HammsServer
from tests.modes.streams.reading import Answer, ask

Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0, speed=1000) as server:
        yield server


@pytest.fixture
def play(server: HammsServer) -> Ask:
    """Ask the path door for what follows ``/mode/``."""
    server.start_afresh()
    address = server.address("path")
    return lambda target, *args, **fields: ask(address, f"/mode/{target}", *args, **fields)
