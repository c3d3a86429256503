"""Lies to caches: the requests that meet them, and the connection, which stays in step behind them."""

from __future__ import annotations

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import canary
from tests.clients import raw

NONCE = "cache"
HEAD = b"GET /?nonce=cache&%b HTTP/1.1\r\nHost: hamms.test\r\n"
GET = HEAD + b"\r\n"
CONDITIONAL = HEAD + b'If-None-Match: "hamms-1"\r\n\r\n'


def test_a_304_with_a_length_has_no_body(hamms: HammsServer) -> None:
    with raw.connected(hamms.open("cache-304-with-cl").address) as client:
        client.sendall((CONDITIONAL + GET) % (b"", b""))
        octets = b""
        while not octets.endswith(canary(NONCE)):
            octets += client.recv(65536)

    not_modified, _, rest = octets.partition(b"\r\n\r\n")
    assert b"304 Not Modified" in not_modified
    assert b"Content-Length: 65536" in not_modified
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("octets", "status", "struck"), [(GET, 200, False), (CONDITIONAL, 304, True)]
)
def test_a_partial_answer_is_never_confirmed_but_by_the_trap(
    hamms: HammsServer, octets: bytes, status: int, struck: bool
) -> None:
    address = hamms.open("cache-partial-stored").address
    with raw.connected(address) as client:
        client.sendall(GET % b"key=partial")
        assert raw.receive_all(client).endswith(canary(NONCE, 32768))
    with raw.connected(address) as client:
        client.sendall(octets % b"key=partial")
        (message,) = raw.receive_messages(client, 1)

    assert message.status == status
    assert [r.struck for r in hamms.ledger.requests("cache-partial-stored")] == [True, struck]


def test_the_same_etag_stands_for_two_bodies(hamms: HammsServer) -> None:
    with raw.connected(hamms.open("cache-etag-lies").address) as client:
        client.sendall((GET * 2) % (b"case=same-etag", b"case=same-etag"))
        first, second = raw.receive_messages(client, 2)

    assert first.fields["etag"] == second.fields["etag"]
    assert first.body == canary(NONCE)
    assert second.body == canary(NONCE, 32768, start=32768) * 2
