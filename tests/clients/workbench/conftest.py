"""Fixtures: every client in turn, and the workbench they share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.adapters import SESSIONS
from tests.clients.sessions import Session
from tests.clients.workbench.server import served
from tests.http.commands import Running


@pytest.fixture(params=SESSIONS)
def kind(request: pytest.FixtureRequest) -> type[Session]:
    """Run the test with each client's session class."""
    return SESSIONS[request.param]


@pytest.fixture
def session(kind: type[Session]) -> Iterator[Session]:
    with kind() as session:
        yield session


@pytest.fixture(scope="module")
def workbench() -> Iterator[Running]:
    with served("--no-access-log") as running:
        yield running
