"""`HammsServer`: the server for code that has no trio loop."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
import requests
import trio

import hamms_trio
from hamms_trio import HammsServer, Limits
from hamms_trio.errors import (
    AlreadyRunning,
    HammsError,
    NotRunning,
    ParameterError,
    PortUnavailable,
    UnknownMode,
)
from hamms_trio.lab.shared.universal import PATH_OFFSET
from hamms_trio.recording.ledger import Ending
from tests.clients import raw
from tests.lab.servers import all_doors
from tests.ports import free_beginning_port, is_free, taken_port

SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long


def answers(server: HammsServer, status: int = 418) -> bool:
    url = server.url("status", status=status)
    return requests.get(url, timeout=SAFETY_NET, proxies={"http": ""}).status_code == status


def test_the_server_has_the_ports_and_calls_of_the_original() -> None:
    beginning = free_beginning_port()
    server = HammsServer()
    server.start(beginning_port=beginning)

    assert server.ports == {
        door.name: beginning + door.offset for door in all_doors() if door.offset is not None
    }
    assert answers(server)
    server.stop()
    assert all(is_free(port, reuse=True) for port in range(beginning, beginning + 17))


def test_stop_returns_when_every_port_is_free_again() -> None:
    beginning = free_beginning_port()
    for _ in range(3):
        with HammsServer(beginning_port=beginning):
            assert not any(is_free(port) for port in range(beginning, beginning + 17))
        assert all(is_free(port) for port in range(beginning, beginning + 17))


def test_stop_closes_open_connections() -> None:
    with HammsServer(beginning_port=0) as server:
        hung = socket.create_connection(server.address("tcp-accept-hang"), timeout=SAFETY_NET)
        dripped_on = socket.create_connection(server.address("pace-byte"), timeout=SAFETY_NET)
        dripped_on.sendall(b"GET /?interval=0 HTTP/1.1\r\nHost: hamms\r\n\r\n")
        assert raw.receive_messages(dripped_on, 1)
        server.ledger.wait_until(lambda ledger: len(ledger.connections()) == 2)

    with hung, dripped_on:
        for client in (hung, dripped_on):
            with pytest.raises(ConnectionResetError):
                client.recv(1)


def test_a_restarted_server_has_a_fresh_ledger() -> None:
    server = HammsServer(beginning_port=0)
    for _ in range(3):
        server.start()
        url = server.url("retries", tries=2)
        assert requests.get(url, timeout=SAFETY_NET).status_code == 500
        assert len(server.ledger.requests("retries")) == 1
        server.stop()


def test_two_servers_at_once_share_no_state() -> None:
    with HammsServer(beginning_port=0) as one, HammsServer(beginning_port=0) as other:
        assert set(one.ports.values()).isdisjoint(other.ports.values())
        assert answers(one)
        assert len(one.ledger.requests("status")) == 1
        assert other.ledger.requests("status") == []


def test_any_thread_may_use_the_server() -> None:
    server = HammsServer(beginning_port=0)
    with ThreadPoolExecutor(8) as threads:
        threads.submit(server.start).result()
        assert all(threads.map(lambda _: answers(server), range(32)))
        seen = threads.map(lambda _: len(server.ledger.requests("status")), range(32))
        assert set(seen) == {32}
        threads.submit(server.stop).result()


def test_the_server_runs_beside_an_asyncio_loop() -> None:
    async def main() -> int:
        with HammsServer(beginning_port=0) as server:
            async with httpx.AsyncClient(timeout=SAFETY_NET, trust_env=False) as client:
                return (await client.get(server.url("status", status=404))).status_code

    assert asyncio.run(main()) == 404


async def test_the_server_runs_beside_a_trio_loop() -> None:
    with HammsServer(beginning_port=0) as server:
        stream = await trio.open_tcp_stream(*server.address("status-garbage-at-connect"))
        async with stream:
            assert b"".join([bytes(octets) async for octets in stream]) == b"foo bar"


def test_a_second_start_raises_already_running() -> None:
    with HammsServer(beginning_port=0) as server:
        with pytest.raises(AlreadyRunning, match="stop"):
            server.start()
        assert answers(server)


@pytest.mark.parametrize("again", range(5))
def test_one_of_several_threads_starts_the_server(again: int) -> None:
    server = HammsServer(beginning_port=0, only=["status"])
    together = threading.Barrier(8)

    def start(_: int) -> bool:
        together.wait(SAFETY_NET)
        try:
            server.start()
        except AlreadyRunning:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        started = list(threads.map(start, range(8)))
    assert answers(server)
    server.stop()
    assert started.count(True) == 1


def test_wait_until_ends_when_another_thread_stops_the_server() -> None:
    server = HammsServer(beginning_port=0)
    server.start()
    asked = threading.Event()

    def never(_: object) -> bool:
        asked.set()
        return False

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(server.ledger.wait_until, never, timeout=SAFETY_NET)
        assert asked.wait(SAFETY_NET)
        server.stop()
        with pytest.raises(NotRunning, match="stopped"):
            waiting.result()


def test_stopping_twice_or_before_starting_is_harmless() -> None:
    server = HammsServer(beginning_port=0)
    server.stop()
    server.start()
    server.stop()
    server.stop()


def test_the_error_for_a_taken_port_leaves_no_listener() -> None:
    served = ("tcp-refused", "tcp-accept-hang", "frame-cl-short-fin")
    offset = 16
    with taken_port(offset) as beginning:
        server = HammsServer(beginning_port=beginning, only=served)
        with pytest.raises(PortUnavailable, match=rf"{beginning + offset}.* frame-cl-short-fin"):
            server.start()
        assert is_free(beginning)
        assert is_free(beginning + 1)
        with pytest.raises(NotRunning):
            server.url("tcp-accept-hang")

    server.start()  # now that it is free
    server.stop()


def test_errors_are_subclasses_of_python_s_own() -> None:
    assert issubclass(PortUnavailable, (HammsError, OSError))
    assert issubclass(UnknownMode, (HammsError, LookupError))
    assert issubclass(NotRunning, (HammsError, RuntimeError))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"only": ["statos"]}, UnknownMode, "status"),
        ({"speed": 0}, ValueError, "speed"),
        ({"speed": float("nan")}, ValueError, "speed"),
        (
            {"beginning_port": 65530},
            ValueError,
            f"1 to {65535 - PATH_OFFSET}",
        ),
        ({"beginning_port": -1}, ValueError, "beginning_port"),
        ({"host": "192.0.2.1"}, PortUnavailable, "192.0.2.1"),
    ],
)
def test_start_rejects_bad_arguments(
    arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        HammsServer(**{"beginning_port": 0, **arguments}).start()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("slug", "parameters", "error", "message"),
    [
        ("retry", {}, UnknownMode, "retries"),
        ("pace-byte", {}, UnknownMode, "not served"),
        ("status", {"code": 404}, ParameterError, "it takes status"),
        ("status", {"status": 99}, ParameterError, "from 100 to 999"),
        ("status", {"status": "teapot"}, ParameterError, "status=teapot"),
        ("tcp-accept-hang", {"sleep": 1}, ParameterError, "it takes none"),
    ],
)
def test_url_rejects_unknown_modes_and_bad_parameters(
    slug: str, parameters: dict[str, object], error: type[Exception], message: str
) -> None:
    only = ["status", "retries", "tcp-accept-hang"]
    with HammsServer(beginning_port=0, only=only) as server, pytest.raises(error, match=message):
        server.url(slug, "/", **parameters)


def test_url_quotes_its_parameters() -> None:
    with HammsServer(beginning_port=0, only=["retries"]) as server:
        url = server.url("retries", "/a/path", key="a&b =ü")
        requests.get(url, timeout=SAFETY_NET)

        (request,) = server.ledger.requests("retries", key="a&b =ü")
        assert request.target.startswith("/a/path?key=")


def test_a_server_that_never_ran_raises_not_running() -> None:
    server = HammsServer(beginning_port=0)
    for ask in (lambda: server.ports, lambda: server.url("status"), lambda: server.ledger):
        with pytest.raises(NotRunning, match="start"):
            ask()
    with pytest.raises(NotRunning, match="start"):
        server.start_afresh()


def test_the_ledger_records_requests_and_the_client_s_ending() -> None:
    sent = b"GET /?status=404 HTTP/1.1\r\nHost: hamms\r\nX-Try: 1\r\n\r\n"
    with HammsServer(beginning_port=0, only=["status"]) as server:
        with raw.connected(server.address("status")) as sock:
            sock.sendall(sent)
            assert raw.receive_messages(sock, 1)[0].status == 404
            (connection,) = server.ledger.connections("status")
            assert (connection.client, connection.left) == (sock.getsockname(), None)
        server.ledger.wait_until(lambda _: connection.left is not None)

        (request,) = server.ledger.requests("status", status=404)
        assert (request.method, request.target) == ("GET", "/?status=404")
        assert request.fields == (("Host", "hamms"), ("X-Try", "1"))
        assert request.status == 404
        assert request.at >= connection.opened
        assert connection.octets_received == len(sent)
        assert connection.octets_sent == request.octets_sent > 100
        assert connection.left is Ending.FIN
        assert server.ledger.requests("status", status=200) == []


def test_the_ledger_stays_readable_after_stop() -> None:
    with HammsServer(beginning_port=0) as server:
        answers(server, 503)
    ledger = server.ledger

    (request,) = ledger.requests("status", status=503)
    assert request.status == 503
    assert len(ledger.connections()) == 1
    ledger.clear()
    assert ledger.requests() == []
    with pytest.raises(NotRunning):
        server.url("status")


def test_the_timeout_of_wait_until_lists_the_requests() -> None:
    with HammsServer(beginning_port=0) as server:
        answers(server, 503)
        with pytest.raises(TimeoutError, match=r"0\.01 seconds(?s:.)*GET /\?status=503"):
            server.ledger.wait_until(lambda ledger: len(ledger.requests()) > 1, timeout=0.01)
        server.ledger.wait_until(lambda ledger: len(ledger.requests()) == 1, timeout=0)


def test_wait_until_raises_the_condition_s_error() -> None:
    def broken(_: object) -> bool:
        raise ZeroDivisionError

    with HammsServer(beginning_port=0) as server:
        with pytest.raises(ZeroDivisionError):
            server.ledger.wait_until(broken)
        assert answers(server)


def test_start_afresh_drops_connections_counters_and_ledger() -> None:
    with HammsServer(beginning_port=0) as server:
        ports = server.ports
        with requests.Session() as session, raw.connected(server.address("pace-byte")) as dripped:
            url = server.url("retries", tries=2)
            assert session.get(url, timeout=SAFETY_NET).status_code == 500
            dripped.sendall(b"GET /?interval=60 HTTP/1.1\r\nHost: hamms\r\n\r\n")
            server.ledger.wait_until(lambda ledger: len(ledger.requests("pace-byte")) == 1)
            server.start_afresh()

            with pytest.raises(ConnectionResetError):
                dripped.recv(1)
            assert server.ledger.connections() == []
            assert server.ledger.requests() == []
            assert session.get(url, timeout=SAFETY_NET).status_code == 500
        assert server.ports == ports


def test_start_afresh_drops_connections_in_the_backlog() -> None:
    with HammsServer(beginning_port=0) as server, ExitStack() as stack:
        for _ in range(20):
            for _ in range(50):
                client = stack.enter_context(raw.connected(server.address("retries")))
                client.sendall(b"GET / HTTP/1.1\r\nHost: hamms\r\n\r\n")
            server.start_afresh()
            assert server.ledger.connections() == []
            client = stack.enter_context(raw.connected(server.address("retries")))
            client.sendall(b"GET / HTTP/1.1\r\nHost: hamms\r\n\r\n")
            server.ledger.wait_until(lambda ledger: len(ledger.requests()) > 0)
            assert len(server.ledger.connections()) == 1
            server.start_afresh()


def test_start_afresh_replays_the_same_drops() -> None:
    with HammsServer(beginning_port=0, seed=3) as server:
        url = server.url("tcp-drop-random", failrate=0.5)

        def dropped() -> list[bool]:
            server.start_afresh()
            return [_is_dropped(url) for _ in range(20)]

        first = dropped()
        assert {True, False} == set(first)
        assert dropped() == first


def _is_dropped(url: str) -> bool:
    try:
        requests.get(url, timeout=SAFETY_NET)
    except requests.ConnectionError:
        return True
    return False


def test_a_head_slower_than_its_limit_gets_408() -> None:
    with (
        HammsServer(beginning_port=0, limits=Limits(head=0.05)) as server,
        raw.connected(server.address("status")) as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\nHost:")
        (message,) = raw.messages(raw.receive_all(sock))

    assert message.status == 408


def test_the_package_exports_its_public_names() -> None:
    assert {"HammsServer", "open_hamms", "serve"} <= set(dir(hamms_trio))
    for name in hamms_trio.__all__:
        assert getattr(hamms_trio, name)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        hamms_trio.nonsense  # noqa: B018
