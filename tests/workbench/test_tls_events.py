"""TLS in the event stream: handshakes that succeed and fail, at the doors and on the workbench's own port."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import httpx
import pytest
import trio

import hamms_trio
from hamms_trio.app import Hamms
from tests.clients import tls
from tests.workbench.test_connection_events import types, watching

EXPIRED = 45  # RFC 8446 §6.2


@pytest.fixture
async def hamms() -> AsyncIterator[Hamms]:
    async with hamms_trio.open_hamms(beginning_port=0, workbench=True) as hamms:
        yield hamms


def trusting(hamms: Hamms) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=ssl.create_default_context(cadata=hamms.ca_pem), trust_env=False
    )


async def test_a_handshake_and_what_it_agreed_are_events(hamms: Hamms) -> None:
    async with watching(hamms, topics="connection.tls_*") as watched, trusting(hamms) as client:
        await client.get(hamms.url("tls13-only").replace("127.0.0.1", "localhost"))
        hello, done = await watched.until("connection.tls_done")
    assert hello["payload"]["server_name"] == done["payload"]["server_name"] == "localhost"
    assert "http/1.1" in hello["payload"]["offered"]
    agreed = {name: done["payload"][name] for name in ("version", "protocol", "is_resumed")}
    assert agreed == {"version": "TLSv1.3", "protocol": "http/1.1", "is_resumed": False}
    assert done["payload"]["cipher"]
    assert done["payload"]["has_client_certificate"] is False


def refuse(address: tuple[str, int], root: str) -> None:
    with tls.connected(address, tls.trusting(root)) as client, pytest.raises(ssl.SSLError):
        client.shake_hands()


async def test_the_alert_of_a_client_comes_before_the_failure(hamms: Hamms) -> None:
    async with watching(hamms, topics="connection.tls_*") as watched:
        await trio.to_thread.run_sync(refuse, hamms.address("tls-expired"), hamms.ca_pem)
        events = await watched.until("connection.tls_failed")
    assert types(events) == ["tls_hello", "tls_alert", "tls_failed"]
    alert = events[1]["payload"]
    assert (alert["code"], alert["name"]) == (EXPIRED, "certificate_expired")
    assert events[2]["payload"]["reason"]
