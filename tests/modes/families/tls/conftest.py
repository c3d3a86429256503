"""A server whose clock runs a thousand times as fast, and a client that trusts it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from hamms_trio import HammsServer
from tests.clients import tls


@pytest.fixture(scope="package")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0, speed=1000) as running:
        yield running


@pytest.fixture
def trusts(server: HammsServer) -> ssl.SSLContext:
    """The context of a client that trusts the server's root."""
    return tls.trusting(server.ca_pem)
