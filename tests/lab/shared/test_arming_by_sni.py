"""Faults that are armed for the hosts that clients of TLS name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from hamms_trio import HammsServer
from tests.clients import raw, tls

HANDSHAKE_FAILURE = "HANDSHAKE_FAILURE"
GET = b"GET /v1/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
MEANT, OTHER = "api.hamms.localhost", "other.hamms.localhost"


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0) as server:
        yield server


@pytest.fixture
def trusts(server: HammsServer) -> ssl.SSLContext:
    server.start_afresh()
    return tls.trusting(server.ca_pem)


def status(server: HammsServer, door: str, trusts: ssl.SSLContext, name: str | None) -> int:
    with tls.connected(server.address(door), trusts, name) as client:
        client.shake_hands()
        (message,) = raw.messages(client.ask(GET))
        return message.status


def test_a_mode_of_tls_meets_only_the_host_it_is_armed_for(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    with server.arm("tls-alert", code=40, match={"sni": "API.*"}) as armed:
        assert status(server, "armed", trusts, OTHER) == 200
        with tls.connected(server.address("armed"), trusts, MEANT) as client:
            with pytest.raises(ssl.SSLError, match=HANDSHAKE_FAILURE):
                client.shake_hands()
        assert armed.left == 0
    assert status(server, "armed", trusts, MEANT) == 200


def test_a_mode_of_plain_tcp_can_wait_for_the_name(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    server.arm("tcp-accept-close", match={"sni": MEANT})
    with raw.connected(server.address("armed")) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n")
        assert raw.receive_all(plain).startswith(b"HTTP/1.1 200 ")
    with tls.connected(server.address("armed"), trusts, MEANT) as client:
        client.send_hello()
        assert client.receive_rest() == b""


@pytest.mark.parametrize(
    ("door", "pattern", "struck"),
    [
        ("armed", "localhost", True),
        ("armed", "*.localhost", False),
        ("path", "local*", True),
        ("path", "api", False),
    ],
)
def test_a_request_meets_what_is_armed_for_its_host(
    server: HammsServer, trusts: ssl.SSLContext, door: str, pattern: str, struck: bool
) -> None:
    server.arm("status", status=503, match={"sni": pattern, "path": "/v1*"})
    assert status(server, door, trusts, "localhost") == (503 if struck else 200)


def test_what_was_armed_first_strikes_first_without_a_name(
    server: HammsServer, trusts: ssl.SSLContext
) -> None:
    server.arm("tcp-accept-close")
    server.arm("tls-alert", match={"sni": "*"})
    with raw.connected(server.address("armed")) as client:
        assert raw.receive_all(client) == b""
    with tls.connected(server.address("armed"), trusts) as client:
        with pytest.raises(ssl.SSLError, match=HANDSHAKE_FAILURE):
            client.shake_hands()
