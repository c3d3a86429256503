"""The drivers: reading requests, rejecting malformed ones, keeping connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hamms_trio import HammsServer
from tests.clients import raw
from tests.lab.example_modes import (
    count_content,
    hello_at_connect,
    hello_per_request,
    repeat_all,
)

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
MALFORMED = {
    "junk": b"\x16\x03\x01 junk\r\n\r\n",
    "no-host": b"GET /x HTTP/1.1\r\n\r\n",
    "two-lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
}


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    own = [hello_at_connect, hello_per_request, repeat_all, count_content]
    with HammsServer(beginning_port=0, modes=own) as server:
        yield server


@pytest.fixture(autouse=True)
def _afresh(server: HammsServer) -> None:
    server.start_afresh()


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_request_gets_400_and_plays_no_mode(server: HammsServer, octets: bytes) -> None:
    with server.open("hello-per-request") as door:
        answer = raw.exchange(door.address, octets)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert server.ledger.requests() == []
    assert not server.ledger.fired("hello-per-request")


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=list(MALFORMED))
def test_a_lenient_mode_gets_the_malformed_request_and_its_problem(
    server: HammsServer, octets: bytes
) -> None:
    with server.open("repeat-all") as door:
        answer = raw.exchange(door.address, octets)
    assert answer.startswith(octets)
    assert len(answer) > len(octets)
    assert server.ledger.fired("repeat-all")


def test_a_lenient_mode_gets_no_problem_for_well_formed_requests(server: HammsServer) -> None:
    with server.open("repeat-all") as door:
        assert raw.exchange(door.address, GET) == GET + b"nothing"


def test_a_lenient_mode_is_lenient_behind_the_path_door_too(server: HammsServer) -> None:
    octets = b"GET /mode/repeat-all/x HTTP/1.1\r\nX-Hamms-Nonce: a-nonce-of-ours\r\n\r\n"
    assert raw.exchange(server.address("path"), octets).startswith(octets)
    assert server.ledger.requests("repeat-all")[-1].nonce == "a-nonce-of-ours"
    other = b"GET /mode/status/x HTTP/1.1\r\n\r\n"
    assert raw.exchange(server.address("path"), other).startswith(b"HTTP/1.1 400 ")


def test_the_http1_driver_keeps_the_connection_between_requests(server: HammsServer) -> None:
    with server.open("hello-per-request") as door:
        last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        answers = raw.messages(raw.exchange(door.address, GET + GET + last))
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert len(server.ledger.connections("hello-per-request")) == 1


def test_the_raw_driver_acts_before_a_request_and_ends_the_connection(server: HammsServer) -> None:
    with server.open("hello-at-connect") as door, raw.connected(door.address) as client:
        assert raw.receive_all(client) == b"hello world"


@pytest.mark.parametrize("framing", [b"Content-Length: 6", b"Transfer-Encoding: chunked"])
def test_a_mode_that_reads_content_serves_the_next_request(
    server: HammsServer, framing: bytes
) -> None:
    body = b"2\r\nab\r\n4\r\ncdef\r\n0\r\n\r\n" if b"chunked" in framing else b"abcdef"
    post = b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + body
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with server.open("count-content") as door:
        answers = raw.messages(raw.exchange(door.address, post + last))
    assert [answer.body for answer in answers] == [b"6", b"0"]
    assert server.ledger.requests("count-content")[0].body == b"abcdef"


def test_receive_content_sends_100_continue(server: HammsServer) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    with server.open("count-content") as door, raw.connected(door.address) as client:
        client.sendall(head)
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        (answer,) = raw.receive_messages(client, 1)
    assert answer.body == b"3"
