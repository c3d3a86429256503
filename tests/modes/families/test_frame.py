"""Lengths that lie: the parameters that say by how much, and what the canary shows of it."""

from __future__ import annotations

import socket

import pytest

from hamms_trio import HammsServer
from hamms_trio.canary import canary
from tests.clients import raw

REQUEST = b"GET /?nonce=ab12%b HTTP/1.1\r\nHost: hamms.test\r\n\r\n"
SIZE = 65_536


def answer(hamms: HammsServer, slug: str, query: bytes = b"") -> tuple[bytes, bytes]:
    """Return the head and the body as they arrive before FIN."""
    head, _, body = raw.exchange(hamms.open(slug).address, REQUEST % query).partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize(
    ("query", "length", "octets"),
    [
        (b"&sent=500&cl=1000", 1000, 500),
        (b"&sent=500", 2500, 500),
        (b"&sent=500&missing=1", 501, 500),
        (b"&sent=70000&cl=70001", 70_001, 70_000),
    ],
)
def test_a_short_body_is_so_much_of_the_canary(
    hamms: HammsServer, query: bytes, length: int, octets: int
) -> None:
    head, body = answer(hamms, "frame-cl-short-fin", query)

    assert b"Content-Length: %d" % length in head
    assert body == canary("ab12", octets)


def test_a_declared_length_alone_keeps_the_document(hamms: HammsServer) -> None:
    head, body = answer(hamms, "frame-cl-short-fin", b"&cl=5000")

    assert b"Content-Length: 5000" in head
    assert body == b'{"message": "the rest of this'


@pytest.mark.parametrize(("value", "bits"), [(b"64", 64), (b"63", 63), (b"32", 32)])
def test_a_length_is_beyond_so_many_bits(hamms: HammsServer, value: bytes, bits: int) -> None:
    head, body = answer(hamms, "frame-cl-wrap64", b"&value=" + value)

    assert b"Content-Length: %d" % (2**bits + SIZE // 2) in head
    assert body == canary("ab12")


def test_a_long_body_waits_for_a_request_if_it_should(hamms: HammsServer) -> None:
    door = hamms.open("frame-cl-long", when="request", size=10)
    with raw.connected(door.address) as client:
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(1, socket.MSG_PEEK)
        client.settimeout(30)
        client.sendall(REQUEST % b"")
        assert raw.receive_all(client).endswith(b"\r\n\r\n" + b"a" * 10)
