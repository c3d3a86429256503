"""The fixtures ``hamms`` and ``workbench``: one running server each for the session, emptied before each test.

Why this is light: pytest imports the plugins of every installed package at each start, whether a test
uses them or not. So the server, and trio with it, is imported when the fixture is first used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hamms_trio.blocking import BlockingWorkbench, HammsServer


@pytest.fixture(scope="session")
def _hamms_server() -> Iterator[HammsServer]:
    from hamms_trio import HammsServer

    with HammsServer(beginning_port=0) as server:
        yield server


@pytest.fixture
def hamms(_hamms_server: HammsServer) -> Iterator[HammsServer]:
    """A running hamms on free ports: ``hamms.url(name, **parameters)``, ``hamms.open(...)``, ``hamms.ledger``.

    One server in a thread of its own serves the whole session, so tests may be plain functions, asyncio's or
    trio's. Before each test it drops its connections, and empties its counters and its ledger.
    """
    _hamms_server.start_afresh()
    yield _hamms_server
    _hamms_server.close_doors()


@pytest.fixture(scope="session")
def _workbench_server() -> Iterator[HammsServer]:
    from hamms_trio.blocking import HammsServer

    with HammsServer(beginning_port=0, only=("status",), workbench=True) as server:
        yield server


@pytest.fixture
def workbench(_workbench_server: HammsServer) -> BlockingWorkbench:
    """A running workbench on a free port: ``workbench.url(path)``, ``mock(...)``, ``history()``, ``verify(...)``.

    One server in a thread of its own serves the whole session. Before each test it has no mocks and no history.
    """
    workbench = _workbench_server.workbench
    workbench.start_afresh()
    return workbench
