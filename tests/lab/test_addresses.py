"""URLs and addresses of modes, by slug, alias and door; doors opened for one test."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import requests
import trio

import hamms_trio
from hamms_trio import HammsServer
from hamms_trio.errors import NotRunning, ParameterError, UnknownMode
from tests.clients import raw
from tests.lab.example_modes import hello_at_connect, hello_per_request

SAFETY_NET = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    own = [hello_at_connect, hello_per_request]
    with HammsServer(beginning_port=0, modes=own) as server:
        yield server


@pytest.fixture(autouse=True)
def _afresh(server: HammsServer) -> None:
    server.start_afresh()


def get(url: str) -> requests.Response:
    return requests.get(url, timeout=SAFETY_NET)


@pytest.mark.parametrize(
    ("path", "parameters", "expected"),
    [
        ("/", {}, "/"),
        ("items", {"status": 503}, "/items?status=503"),
        ("/items?page=2", {"status": 503}, "/items?page=2&status=503"),
        ("/items?page=2#top", {"status": 503}, "/items?page=2&status=503#top"),
        ("/items#top", {"status": 503}, "/items?status=503#top"),
        ("?page=2", {}, "/?page=2"),
    ],
)
def test_a_url_joins_path_query_parameters_and_fragment(
    server: HammsServer, path: str, parameters: dict[str, object], expected: str
) -> None:
    port = server.ports["status"]
    assert server.url("status", path, **parameters) == f"http://127.0.0.1:{port}{expected}"
    assert server.url("status", path=path, **parameters).endswith(expected)


def test_a_keyword_overrides_the_parameter_in_the_path(server: HammsServer) -> None:
    assert get(server.url("status", "/?status=404", status=503)).status_code == 503


def test_a_near_miss_in_the_path_of_url_is_ignored(server: HammsServer) -> None:
    url = server.url("retries", "/items?tires=4", tries=1)
    assert get(url).status_code == 200
    (request,) = server.ledger.requests("retries")
    assert request.ignored_parameters == ("tires",)
    assert get(server.url("retries", tries=1) + "&trues=4").status_code == 400


def test_an_alias_shares_the_url_and_a_door_has_its_own(server: HammsServer) -> None:
    assert server.url("status-code") == server.url("status")
    assert server.address("pace-byte-slow") != server.address("pace-byte")


def test_a_mode_without_a_port_has_the_path_door_s_url(server: HammsServer) -> None:
    url = server.url("hello-per-request", "/v1?x=1", name="you")
    base = server.url("path", "/mode/hello-per-request")
    assert url == f"{base}/v1?x=1&name=you"
    assert get(url).text == "hello you"


def test_the_error_for_a_portless_raw_mode_names_open(server: HammsServer) -> None:
    with pytest.raises(UnknownMode, match=r"needs a port of its own .* open\(\) gives it one"):
        server.url("hello-at-connect")
    with pytest.raises(UnknownMode, match=r"open\(\)"):
        server.address("hello-at-connect")


def test_url_rejects_parameters_of_a_raw_mode(server: HammsServer) -> None:
    with pytest.raises(ParameterError, match=r"a URL can't carry size: open\('frame-cl-long'"):
        server.url("frame-cl-long", size=5)


def test_the_query_overrides_the_arguments_of_an_opened_door(server: HammsServer) -> None:
    with server.open("status", status=404) as door:
        assert get(door.url()).status_code == 404
        assert get(door.url("/a?b=1", status=410)).status_code == 410
        assert [r.status for r in server.ledger.requests(door.name)] == [404, 410]
        assert len(server.ledger.requests("status")) == 2
        assert get(server.url("status")).status_code == 200


def test_an_opened_door_gives_arguments_to_a_raw_mode(server: HammsServer) -> None:
    with server.open("hello-at-connect", name="you") as door, raw.connected(door.address) as client:
        assert raw.receive_all(client) == b"hello you"
    with server.open("frame-cl-long", cl=2, size=4) as door:
        assert raw.exchange(door.address, b"").endswith(b"\r\n\r\naaaa")


def test_closing_a_door_resets_its_clients_and_frees_its_port(server: HammsServer) -> None:
    with raw.connected(server.address("tcp-accept-hang")) as other:
        with server.open("tcp-accept-hang") as door, raw.connected(door.address) as client:
            server.ledger.wait_until(lambda ledger: len(ledger.connections(door.name)) == 1)
            door.close()
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(door.address, SAFETY_NET)
        server.ledger.wait_until(lambda ledger: len(ledger.open_connections()) == 1)
        other.sendall(b"still here")


def test_start_afresh_closes_the_opened_doors(server: HammsServer) -> None:
    door = server.open("status")
    server.start_afresh()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(door.address, SAFETY_NET)
    assert door.name not in server.ports


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("statsu", {}, UnknownMode),
        ("status", {"code": 404}, ParameterError),
        ("status", {"status": 99}, ParameterError),
    ],
)
def test_open_rejects_unknown_modes_and_bad_arguments(
    server: HammsServer, name: str, arguments: dict[str, object], error: type[Exception]
) -> None:
    ports = server.ports
    with pytest.raises(error):
        server.open(name, **arguments)
    assert server.ports == ports


async def test_a_door_closes_at_the_end_of_its_async_block() -> None:
    async with hamms_trio.open_hamms(beginning_port=0, only="retries") as hamms:
        async with hamms.open("retries", tries=5) as door:
            stream = await trio.open_tcp_stream(*door.address)
            async with stream:
                await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                answer = b"".join([bytes(octets) async for octets in stream])
            assert b"Try again 4 more times" in answer
        with pytest.raises(OSError, match="all attempts to connect"):
            await trio.open_tcp_stream(*door.address)


async def test_an_error_in_a_door_s_block_propagates_ungrouped() -> None:
    async with hamms_trio.open_hamms(beginning_port=0, only="retries") as hamms:
        with pytest.raises(ZeroDivisionError):
            async with hamms.open("retries"):
                raise ZeroDivisionError


def test_the_workbench_runs_only_when_it_is_requested(server: HammsServer) -> None:
    with HammsServer(beginning_port=0, only="status", workbench=True) as both:
        assert get(both.workbench.url("/")).text == "Hello World"
        assert both.workbench.url("/") == f"http://127.0.0.1:{both.workbench.port}/"
        assert get(both.url("status", status=404)).status_code == 404
    with pytest.raises(NotRunning, match="workbench=True"):
        server.workbench.url("/")
