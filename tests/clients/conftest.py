"""Shared by the tests with real clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.programs import close_shared_nodes


@pytest.fixture(scope="session", autouse=True)
def _no_proxy() -> Iterator[None]:
    """Every client talks to the ports themselves, whatever proxy the machine has."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NO_PROXY", "*")
        environment.setenv("no_proxy", "*")
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    close_shared_nodes()
