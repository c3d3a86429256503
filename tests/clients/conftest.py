"""Fixtures for all tests with real clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.programs import close_shared_nodes


@pytest.fixture(scope="module", autouse=True)
def _no_proxy() -> Iterator[None]:
    """Have every client bypass the machine's proxy."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NO_PROXY", "*")
        environment.setenv("no_proxy", "*")
        yield


@pytest.fixture(scope="session", autouse=True)
def _end_shared_processes() -> Iterator[None]:
    yield
    close_shared_nodes()
