"""Uploads that the server rejects early, reads without 100 Continue, or echoes as a digest."""

from __future__ import annotations

import socket
from hashlib import sha256

import pytest

from hamms_trio import HammsServer
from tests.clients import raw
from tests.clients.adapters import SESSIONS

MEBIBYTE = 1024 * 1024
EXPECTING = (
    b"POST / HTTP/1.1\r\nHost: hamms.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
)


@pytest.mark.parametrize("client", ["curl", "http.client", "requests", "httpx", "aiohttp"])
@pytest.mark.parametrize("octets", [0, 1, MEBIBYTE])
def test_the_echo_has_the_length_and_digest_of_the_body(
    hamms: HammsServer, client: str, octets: int
) -> None:
    body = b"a" * octets
    with SESSIONS[client]() as session:
        answer = session.request("POST", hamms.url("upload-echo-digest", "/"), body)

    assert answer.json() == {"octets": octets, "sha256": sha256(body).hexdigest()}


def test_a_client_can_read_an_early_413_during_its_upload(hamms: HammsServer) -> None:
    head = b"POST / HTTP/1.1\r\nHost: hamms.test\r\nContent-Length: %d\r\n\r\n" % (10 * MEBIBYTE)
    with raw.connected(hamms.open("upload-early-413").address) as client:
        client.sendall(head + b"a" * 2048)
        (message,) = raw.receive_messages(client, 1)
        with pytest.raises(ConnectionError):  # the server resets the rest of the upload
            send_without_end(client)

    assert message.status == 413


@pytest.mark.parametrize(
    ("slug", "status", "octets"),
    [
        ("upload-expect-ignored", 200, 4),
        ("upload-expect-417", 417, 0),
        ("upload-expect-final", 413, 0),
    ],
)
def test_these_modes_send_no_100_continue(
    hamms: HammsServer, slug: str, status: int, octets: int
) -> None:
    with raw.connected(hamms.open(slug).address) as client:
        client.sendall(EXPECTING)
        if octets:
            client.sendall(b"body")
        (message,) = raw.receive_messages(client, 1)

    assert message.status == status
    (request,) = hamms.ledger.requests(slug)
    assert (request.struck, request.body_octets) == (True, octets)


def send_without_end(client: socket.socket) -> None:
    while True:
        client.sendall(b"a" * MEBIBYTE)
