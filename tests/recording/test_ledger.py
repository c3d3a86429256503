"""The ledger: its records of connections, requests and bodies, and the questions that it refuses."""

from __future__ import annotations

import hashlib

import pytest
import requests
import trio

import hamms_trio
from hamms_trio import HammsServer
from hamms_trio.errors import ParameterError, UnknownMode
from hamms_trio.net.observer import Ending
from hamms_trio.recording import ledger as ledger_module
from hamms_trio.recording.ledger import Ledger
from hamms_trio.recording.names import Names
from hamms_trio.recording.records import Meeting
from hamms_trio.wire.http1.request import parse_head
from tests.clients import raw

SAFETY_NET = 60.0
HEAD = parse_head(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")


def a_ledger() -> Ledger:
    return Ledger(Names({"status": ("status",)}, {"status-code": "status"}, {"door": "status"}))


def test_a_request_s_body_is_kept_with_its_digest(server: HammsServer) -> None:
    body = bytes(range(256)) * 300
    requests.post(server.url("status"), data=body, timeout=SAFETY_NET)
    server.ledger.wait_until(lambda ledger: ledger.requests()[0].body_octets == len(body))
    (request,) = server.ledger.requests("status")
    assert request.body == body[: 64 * 1024]
    assert request.body_sha256 == hashlib.sha256(body).hexdigest()


def test_a_chunked_body_is_kept_without_its_framing(server: HammsServer) -> None:
    requests.post(server.url("status"), data=iter([b"one, ", b"two"]), timeout=SAFETY_NET)
    server.ledger.wait_until(lambda ledger: ledger.requests()[0].body_octets == 8)
    (request,) = server.ledger.requests("status")
    assert request.body == b"one, two"


@pytest.mark.parametrize("slug", ["tcp-accept-hang", "tcp-close-after-data", "frame-cl-short-fin"])
def test_a_body_that_the_mode_does_not_read_is_kept_too(server: HammsServer, slug: str) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\n"
    with raw.connected(server.address(slug)) as client:
        client.sendall(head + b"abc")
        server.ledger.wait_until(lambda ledger: len(ledger.requests(slug)) == 1)
        client.sendall(b"def")
        server.ledger.wait_until(lambda ledger: ledger.requests(slug)[0].body == b"abcdef")


def test_a_request_without_a_body_has_the_digest_of_nothing(server: HammsServer) -> None:
    requests.get(server.url("status"), timeout=SAFETY_NET)
    (request,) = server.ledger.requests("status")
    assert (request.body, request.body_octets) == (b"", 0)
    assert request.body_sha256 == hashlib.sha256().hexdigest()


def test_the_oldest_bodies_make_room_and_keep_their_digests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_module, "MAX_KEPT_OCTETS", 1000)
    ledger = a_ledger()
    connection = ledger.open("status", "status", ("192.0.2.1", 1))
    records = [ledger.add_request(connection, HEAD, Meeting("status")) for _ in range(5)]
    for record in records:
        ledger.add_body(record, b"x" * 400)
    assert [len(record.body) for record in records] == [0, 0, 0, 400, 400]
    digest = hashlib.sha256(b"x" * 400).hexdigest()
    assert {record.body_sha256 for record in records} == {digest}


@pytest.mark.parametrize("name", ["statsu", "retry", ""])
def test_the_ledger_refuses_an_unknown_name_as_url_does(server: HammsServer, name: str) -> None:
    for ask in (
        server.ledger.requests,
        server.ledger.connections,
        server.ledger.open_connections,
        server.ledger.fired,
    ):
        with pytest.raises(UnknownMode, match="there is no failure mode"):
            ask(name)


def test_a_parameter_that_the_mode_does_not_have_is_refused(server: HammsServer) -> None:
    with pytest.raises(ParameterError, match="it takes key, tries"):
        server.ledger.requests("retries", trys=1)


def test_an_alias_a_slug_and_a_door_find_their_requests(server: HammsServer) -> None:
    requests.get(server.url("pace-byte", interval=0), timeout=SAFETY_NET)
    requests.get(server.url("pace-byte-slow", interval=0), timeout=SAFETY_NET)
    requests.get(server.url("retries"), timeout=SAFETY_NET)
    assert len(server.ledger.requests("pace-byte")) == 2
    assert len(server.ledger.requests("pace-byte-slow")) == 1
    assert len(server.ledger.connections("pace-byte-slow")) == 1
    assert server.ledger.requests("retry-counter") == server.ledger.requests("retries")


def test_fired_is_true_once_the_fault_was_played(server: HammsServer) -> None:
    url = server.url("retries", tries=2, key="a")
    assert not server.ledger.fired("retries")
    requests.get(url, timeout=SAFETY_NET)
    assert server.ledger.fired("retries")
    assert server.ledger.fired("retries", key="a")
    assert not server.ledger.fired("retries", key="b")
    assert not server.ledger.fired("status")


def test_a_request_that_a_raw_mode_does_not_read_was_struck_too(server: HammsServer) -> None:
    assert not raw.exchange(
        server.address("tcp-close-after-data"), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    (request,) = server.ledger.requests("tcp-close-after-data")
    assert request.struck


def test_a_mode_that_spares_a_client_has_not_fired(server: HammsServer) -> None:
    requests.get(server.url("tcp-drop-random", failrate=0), timeout=SAFETY_NET)
    requests.get(server.url("retries", tries=1), timeout=SAFETY_NET)
    assert not server.ledger.fired("tcp-drop-random")
    assert not server.ledger.fired("retries")
    assert [request.struck for request in server.ledger.requests()] == [False, False]


def test_a_client_that_left_a_sleeping_mode_has_left_at_once(server: HammsServer) -> None:
    with raw.connected(server.address("pace-first-byte")) as client:
        client.sendall(b"GET /?sleep=3600 HTTP/1.1\r\nHost: a\r\n\r\n")
        server.ledger.wait_until(lambda ledger: len(ledger.requests("pace-first-byte")) == 1)
        assert len(server.ledger.open_connections("pace-first-byte")) == 1
    server.ledger.wait_until(lambda ledger: not ledger.open_connections())
    (connection,) = server.ledger.connections("pace-first-byte")
    assert connection.left is Ending.FIN
    assert not connection.closed


async def test_the_timeout_of_wait_until_lists_the_requests_in_trio_too() -> None:
    async with hamms_trio.open_hamms(beginning_port=0, only="tcp-accept-hang") as hamms:
        stream = await trio.open_tcp_stream(*hamms.address("tcp-accept-hang"))
        async with stream:
            await hamms.ledger.wait_until(lambda ledger: len(ledger.connections()) == 1)
            with pytest.raises(TimeoutError, match=r"0\.01 seconds(?s:.)*tcp-accept-hang"):
                await hamms.ledger.wait_until(lambda ledger: not ledger.connections(), timeout=0.01)


def test_the_modes_of_two_servers_share_nothing() -> None:
    with (
        HammsServer(beginning_port=0, only="retries") as one,
        HammsServer(beginning_port=0, only="retries") as other,
    ):
        assert requests.get(one.url("retries", tries=2), timeout=SAFETY_NET).status_code == 500
        assert requests.get(other.url("retries", tries=2), timeout=SAFETY_NET).status_code == 500
        assert not one.ledger.fired("retries", key="other")
        assert len(other.ledger.requests()) == 1


def test_the_memory_of_faults_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "MAX_FIRED", 3)
    ledger = a_ledger()
    for number in range(5):
        ledger.add_strike(None, "status", str(number))
    assert [ledger.fired("status", key=str(number)) for number in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]
