"""Connections: persistence, pipelining, HTTP versions and addresses."""

from __future__ import annotations

import asyncio
import http.client
import socket
import urllib.request

import aiohttp
import httpx
import pytest
import requests
import urllib3

from hamms_trio import HammsServer
from hamms_trio.recording.ledger import Ending
from tests.clients import raw
from tests.clients.adapters import CLIENTS
from tests.clients.outcomes import SAFETY_NET, Answer
from tests.ports import skip_without_ipv6

PERSISTENT = {
    "status": {"status": 404},
    "retries": {"tries": 9},
    "head-size": {"size": 100},
    "pace-first-byte": {"sleep": 0},
    "pace-byte": {"interval": 0},
    "tcp-drop-random": {"failrate": 0},
    "type-not-accepted": {},
}


@pytest.mark.parametrize("slug", PERSISTENT)
def test_a_session_gets_several_responses_over_one_connection(
    hamms: HammsServer, slug: str
) -> None:
    url = hamms.url(slug, "/", **PERSISTENT[slug])
    with requests.Session() as session:
        for _ in range(3):
            session.get(url, timeout=SAFETY_NET)

    assert len(hamms.ledger.requests(slug)) == 3
    assert len(hamms.ledger.connections(slug)) == 1


def test_a_request_body_is_not_parsed_as_the_next_request(hamms: HammsServer) -> None:
    url = hamms.url("status", status=404)
    with requests.Session() as session:
        for body in (b"GET / HTTP/1.1\r\n\r\n", iter([b"in ", b"chunks"]), None):
            assert session.post(url, data=body, timeout=SAFETY_NET).status_code == 404

    assert len(hamms.ledger.requests("status")) == 3
    assert len(hamms.ledger.connections("status")) == 1


def test_urllib3_and_aiohttp_keep_their_connection_too(hamms: HammsServer) -> None:
    url = hamms.url("status")

    async def get_twice() -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.get(url) as response:
                    await response.read()

    asyncio.run(get_twice())
    assert len(hamms.ledger.connections("status")) == 1
    with urllib3.PoolManager(timeout=SAFETY_NET) as pool:
        assert [pool.request("GET", url).status for _ in range(2)] == [200, 200]
    assert len(hamms.ledger.connections("status")) == 2


async def test_an_async_client_keeps_its_connection(hamms: HammsServer) -> None:
    async with httpx.AsyncClient(timeout=SAFETY_NET) as client:
        urls = [hamms.url("status", status=status) for status in (200, 503)]
        assert [(await client.get(url)).status_code for url in urls] == [200, 503]

    (connection,) = hamms.ledger.connections("status")
    hamms.ledger.wait_until(lambda _: connection.left is Ending.FIN)


def test_the_server_closes_after_connection_close(hamms: HammsServer) -> None:
    answer = requests.get(hamms.url("status"), headers={"Connection": "close"}, timeout=SAFETY_NET)

    assert answer.headers["Connection"] == "close"
    (connection,) = hamms.ledger.connections("status")
    hamms.ledger.wait_until(lambda _: connection.ended is Ending.FIN)


def test_surplus_octets_are_not_the_next_response(hamms: HammsServer) -> None:
    with requests.Session() as session:
        answers = [session.get(hamms.url("frame-cl-long"), timeout=SAFETY_NET) for _ in range(2)]

    assert [answer.content for answer in answers] == [b"aaa", b"aaa"]
    assert len(hamms.ledger.connections("frame-cl-long")) == 2


@pytest.mark.parametrize("slug", PERSISTENT)
def test_pipelined_requests_are_answered_in_order(hamms: HammsServer, slug: str) -> None:
    _, _, target = hamms.url(slug, "/", **PERSISTENT[slug]).partition("?")
    request = f"GET /?{target} HTTP/1.1\r\nHost: hamms\r\n".encode()
    octets = (request + b"\r\n") * 49 + request + b"Connection: close\r\n\r\n"
    answered = raw.messages(raw.exchange(hamms.address(slug), octets))

    assert len(answered) == 50
    assert [m.fields.get("connection") for m in answered] == [None] * 49 + ["close"]
    if slug == "retries":
        assert [m.status for m in answered] == [500] * 8 + [200] * 42


def test_pipelined_requests_with_bodies_keep_their_bounds(hamms: HammsServer) -> None:
    octets = (
        b"POST /?status=201 HTTP/1.1\r\nHost: hamms\r\nContent-Length: 5\r\n\r\nhello"
        b"POST /?status=404 HTTP/1.1\r\nHost: hamms\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nfoo\r\n0\r\n\r\n"
        b"GET /?status=503 HTTP/1.1\r\nHost: hamms\r\nConnection: close\r\n\r\n"
    )
    answered = raw.messages(raw.exchange(hamms.address("status"), octets))

    assert [m.status for m in answered] == [201, 404, 503]


@pytest.mark.parametrize("slug", PERSISTENT)
def test_an_http_1_0_request_is_answered_and_the_connection_closed(
    hamms: HammsServer, slug: str
) -> None:
    _, _, target = hamms.url(slug, "/", **PERSISTENT[slug]).partition("?")
    octets = raw.exchange(hamms.address(slug), f"GET /?{target} HTTP/1.0\r\n\r\n".encode())
    (message,) = raw.messages(octets)

    assert message.version == b"HTTP/1.1"  # the server's own (RFC 9110 §2.5)
    assert message.fields["connection"] == "close"
    assert "transfer-encoding" not in message.fields


def test_http_1_0_keep_alive_keeps_the_connection(hamms: HammsServer) -> None:
    request = b"GET /?status=404 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    with raw.connected(hamms.address("status")) as sock:
        for _ in range(3):
            sock.sendall(request)
            (message,) = raw.receive_messages(sock, 1)
            assert message.fields["connection"] == "keep-alive"


@pytest.mark.parametrize("status", [100, 101, 103, 199])
def test_an_http_1_0_client_gets_no_interim_response(hamms: HammsServer, status: int) -> None:
    request = f"GET /?status={status} HTTP/1.0\r\n\r\n".encode()
    (message,) = raw.messages(raw.exchange(hamms.address("status"), request))

    assert message.status == 400


def test_urllib_gets_an_answer(hamms: HammsServer) -> None:
    with urllib.request.urlopen(hamms.url("status"), timeout=SAFETY_NET) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"hello\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
    ],
    ids=["tls", "junk", "http/0.9", "http/2.0"],
)
def test_octets_that_are_not_http_1_get_an_error_response(
    hamms: HammsServer, octets: bytes
) -> None:
    (message,) = raw.messages(raw.exchange(hamms.address("status"), octets))

    assert message.status == (505 if b"2.0" in octets else 400)
    assert message.fields["connection"] == "close"
    assert message.body


def test_a_head_without_an_end_gets_431(hamms: HammsServer) -> None:
    octets = b"GET / HTTP/1.1\r\nHost: hamms\r\n" + b"X-Filler: %b\r\n" % (b"x" * 1000) * 70
    (message,) = raw.messages(raw.exchange(hamms.address("status"), octets))

    assert message.status == 431


@pytest.fixture(scope="module")
def on_ipv6() -> HammsServer:
    skip_without_ipv6()
    return HammsServer(host="::1", beginning_port=0)


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_gets_an_answer_over_ipv6(on_ipv6: HammsServer, client: str) -> None:
    with on_ipv6 as server:
        url = server.url("retries", tries=1)

        assert url.startswith("http://[::1]:")
        answer = CLIENTS[client](url, SAFETY_NET)
        assert isinstance(answer, Answer)
        assert answer.status == 200
        (connection,) = server.ledger.connections("retries")
        assert connection.client[0] == "::1"


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_reaches_localhost_and_its_refused_port(client: str) -> None:
    with HammsServer(host="localhost", beginning_port=0) as server:
        answer = CLIENTS[client](server.url("status", status=404), SAFETY_NET)
        assert isinstance(answer, Answer)
        assert answer.status == 404
        assert not isinstance(CLIENTS[client](server.url("tcp-refused"), SAFETY_NET), Answer)


def test_the_server_listens_on_every_address_of_localhost() -> None:
    found = socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
    with HammsServer(host="localhost", beginning_port=0) as server:
        for _, _, _, _, address in found:
            connection = http.client.HTTPConnection(
                str(address[0]), server.ports["status"], timeout=SAFETY_NET
            )
            connection.request("GET", "/")
            assert connection.getresponse().status == 200
            connection.close()
