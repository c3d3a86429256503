"""Faults on persistent connections: the conditions under which they strike."""

from __future__ import annotations

import socket

import pytest

from hamms_trio import HammsServer
from tests.clients import raw
from tests.clients.adapters import SESSIONS
from tests.clients.outcomes import Answer

GET = b"GET /?delay=%b HTTP/1.1\r\nHost: hamms.test\r\n\r\n"
IDLE = ["conn-inject-idle", "conn-idle-fin", "conn-idle-rst", "conn-408-idle"]
NEVER, AT_ONCE = b"86400", b"0"


def struck(hamms: HammsServer, slug: str) -> list[bool]:
    return [request.struck for request in hamms.ledger.requests(slug)]


@pytest.mark.parametrize("slug", IDLE)
def test_a_connection_that_is_not_idle_is_spared(hamms: HammsServer, slug: str) -> None:
    with raw.connected(hamms.open(slug).address) as client:
        for request in [GET % NEVER] * 3:
            client.sendall(request)
            (message,) = raw.receive_messages(client, 1)
            assert message.status == 200
        # Pipelined: the second request arrives before the first is answered.
        client.sendall((GET % NEVER) * 2)
        assert len(raw.receive_messages(client, 2)) == 2

    assert struck(hamms, slug) == [False] * 5


@pytest.mark.parametrize("slug", IDLE)
def test_an_idle_connection_is_struck(hamms: HammsServer, slug: str) -> None:
    with raw.connected(hamms.open(slug).address) as client:
        client.sendall(GET % AT_ONCE)
        raw.receive_messages(client, 1)
        hamms.ledger.wait_until(lambda ledger: all(r.struck for r in ledger.requests(slug)))

    assert struck(hamms, slug) == [True]


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_the_second_request_is_dropped_after_its_body(hamms: HammsServer, how: str) -> None:
    post = b"POST /?how=%b HTTP/1.1\r\nHost: hamms.test\r\nContent-Length: 4\r\n\r\n" % how.encode()
    with raw.connected(hamms.open("conn-drop-after-request").address) as client:
        client.sendall(post + b"body")
        raw.receive_messages(client, 1)
        client.sendall(post + b"bo")
        client.sendall(b"dy")
        assert _end(client) == how

    assert struck(hamms, "conn-drop-after-request") == [False, True]
    assert [r.body_octets for r in hamms.ledger.requests("conn-drop-after-request")] == [4, 4]


@pytest.mark.parametrize("client", ["curl", "http.client", "requests"])
def test_a_new_connection_never_gets_421(hamms: HammsServer, client: str) -> None:
    for _ in range(2):
        with SESSIONS[client]() as session:
            answer = session.get(hamms.url("conn-421-once", "/"))
            assert isinstance(answer, Answer)
            assert answer.status == 200


def _end(client: socket.socket) -> str:
    try:
        return "fin" if client.recv(1) == b"" else "octets"
    except ConnectionResetError:
        return "rst"
