"""`create_netsploder`: the connections of this process that it resets, and those that it spares."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from socket import socket as imported_early
from typing import Any

import psycopg
import pytest
import trio

from netsplode import Connection, UnsupportedConnection, create_netsploder, track_connections
from tests.netsplode.postgresql import postgresql
from tests.netsplode.scenes import (
    SAFETY_NET,
    Ends,
    Sight,
    assert_listens,
    assert_open,
    assert_reset,
    connected,
    far_end,
    on_linux,
)

pytestmark = on_linux


def test_only_connections_opened_since_are_reset(ends: Ends) -> None:
    with create_netsploder() as netsploder, connected() as newer:
        addresses = {newer.client.getsockname(), newer.server.getsockname()}
        # Both ends are here, and one reset ends both.
        (result,) = netsploder.reset_tcp_connections()
        assert result.is_confirmed
        assert {result.local, result.remote} == addresses
        assert netsploder.reset_tcp_connections() == []
        assert_listens(newer.listener)
        assert_open(ends)


def test_include_existing_resets_older_connections(ends: Ends) -> None:
    port = ends.listener.getsockname()[1]
    with create_netsploder() as netsploder:
        for refused in (
            netsploder.reset_tcp_connections,
            netsploder.reset_client_tcp_connections,
            netsploder.reset_server_tcp_connections,
        ):
            assert refused(match=port) == []
        assert len(netsploder.reset_tcp_connections(include_existing=True, match=port)) == 1
    assert_reset(ends.client)


def test_clients_or_servers_are_reset_alone() -> None:
    with create_netsploder() as netsploder, connected() as one, connected() as other:
        port = one.listener.getsockname()[1]
        expected = one.client.getsockname(), other.server.getsockname()
        clients = netsploder.reset_client_tcp_connections(match=port)
        servers = netsploder.reset_server_tcp_connections()
        assert tuple(result.local for result in (*clients, *servers)) == expected


MATCHES: dict[str, Callable[[str, int], object]] = {
    "port": lambda host, port: port,
    "host": lambda host, port: host,
    "written": lambda host, port: f"{host}:{port}",
    "pair": lambda host, port: (host, port),
    "any port": lambda host, port: (host, None),
    "any host": lambda host, port: (None, port),
    "callable": lambda host, port: lambda c: isinstance(c, Connection) and c.remote == (host, port),
}


@pytest.mark.parametrize("kind", list(MATCHES))
def test_only_matching_connections_are_reset(kind: str) -> None:
    with create_netsploder() as netsploder, connected("127.0.0.1") as taken:
        with connected("::1") as spared:
            address = taken.server.getsockname()
            match: Any = MATCHES[kind](*address)
            (result,) = netsploder.reset_client_tcp_connections(match=match)
            assert result.remote == address
            assert_open(spared)


def test_a_match_function_receives_each_connection() -> None:
    seen: list[Connection] = []

    def look(connection: Connection) -> bool:
        seen.append(connection)
        return False

    with create_netsploder() as netsploder, connected() as ends:
        assert netsploder.reset_tcp_connections(match=look) == []
        assert_open(ends)
        addresses = ends.client.getsockname(), ends.server.getsockname()
    assert {(c.local, c.remote) for c in seen} == {addresses, addresses[::-1]}
    assert {c.pid for c in seen} == {os.getpid()}


def test_a_match_function_receives_the_state() -> None:
    with create_netsploder() as netsploder, connected() as ends:
        ends.server.shutdown(socket.SHUT_WR)
        ends.client.recv(1)
        states: dict[int, str] = {}
        netsploder.reset_tcp_connections(
            match=lambda c: states.setdefault(c.local[1], c.state) is None
        )
        assert states[ends.client.getsockname()[1]] == "close_wait"
        assert states[ends.server.getsockname()[1]].startswith("fin_wait")


@pytest.mark.parametrize("match", ["::1", "[::1]"])
def test_an_ipv6_address_matches(match: str) -> None:
    with create_netsploder() as netsploder, connected("::1") as taken, connected() as spared:
        assert netsploder.reset_client_tcp_connections(match=match)
        assert_reset(taken.server)
        assert_open(spared)


@pytest.mark.parametrize("match", ["127.0.0.1:port", 0, (1, 2), 1.5])
def test_a_malformed_match_is_refused(ends: Ends, match: object) -> None:
    with create_netsploder() as netsploder, pytest.raises(UnsupportedConnection):
        netsploder.reset_tcp_connections(include_existing=True, match=match)  # type: ignore[arg-type]
    assert_open(ends)


def test_other_descriptors_stay_open() -> None:
    with create_netsploder() as netsploder, ExitStack() as stack:
        one, other = (stack.enter_context(sock) for sock in socket.socketpair())
        datagrams = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
        datagrams.connect(datagrams.getsockname())
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        stack.enter_context(socket.socket())
        reading, writing = os.pipe()
        stack.callback(os.close, reading)
        stack.callback(os.close, writing)
        assert netsploder.reset_tcp_connections(include_existing=True, match=lambda c: True) == []
        one.sendall(b"x")
        assert other.recv(1) == b"x"
        datagrams.send(b"x")
        assert datagrams.recv(1) == b"x"
        assert_listens(listener)


def test_a_duplicated_socket_is_reset_once() -> None:
    with create_netsploder() as netsploder, connected() as ends, ends.client.dup():
        assert len(netsploder.reset_client_tcp_connections()) == 1


def test_nothing_is_patched() -> None:
    before = {name: getattr(socket, name) for name in dir(socket)}
    with create_netsploder():
        assert {name: getattr(socket, name) for name in dir(socket)} == before
        assert socket.socket.__init__.__module__ == "socket"


def test_track_connections_still_works() -> None:
    assert track_connections is create_netsploder


# Clients of all kinds: each connects to ``address`` and stays connected.


@contextmanager
def of_socket(address: tuple[str, int]) -> Iterator[None]:
    with imported_early() as sock:
        sock.connect(address)
        yield


@contextmanager
def of_trio(address: tuple[str, int]) -> Iterator[None]:
    stream = trio.run(trio.open_tcp_stream, *address)
    yield
    trio.run(trio.aclose_forcefully, stream)


def on_loop(
    factory: Callable[[], asyncio.AbstractEventLoop], address: tuple[str, int]
) -> Iterator[None]:
    with asyncio.Runner(loop_factory=factory) as runner:
        _, writer = runner.run(asyncio.open_connection(*address))
        yield
        writer.transport.abort()
        runner.run(asyncio.sleep(0))


@contextmanager
def of_asyncio(address: tuple[str, int]) -> Iterator[None]:
    yield from on_loop(asyncio.new_event_loop, address)


@contextmanager
def of_uvloop(address: tuple[str, int]) -> Iterator[None]:
    yield from on_loop(pytest.importorskip("uvloop").new_event_loop, address)


Client = Callable[[tuple[str, int]], AbstractContextManager[None]]


@pytest.mark.parametrize("client", [of_socket, of_trio, of_asyncio, of_uvloop])
def test_clients_of_all_kinds_are_found(client: Client) -> None:
    with create_netsploder() as netsploder, far_end() as far, client(far.address):
        results = netsploder.reset_client_tcp_connections(match=far.address)
        assert [result.remote for result in results] == [far.address]
        assert far.seen.result(SAFETY_NET) is Sight.RESET


def test_a_client_in_c_is_found() -> None:
    with create_netsploder() as netsploder, postgresql() as (far, conninfo):
        with psycopg.connect(conninfo) as connection:
            assert len(netsploder.reset_client_tcp_connections(match=far.address)) == 1
            assert far.seen.result(SAFETY_NET) is Sight.RESET
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")


# The side that opened a connection, in every later state.


def nothing(client: socket.socket, server: socket.socket) -> None:
    pass


def octets_both_ways(client: socket.socket, server: socket.socket) -> None:
    for sock, other in ((client, server), (server, client)):
        sock.sendall(bytes(3000))
        read = 0
        while read < 3000:
            read += len(other.recv(4096))


def octets_that_wait(client: socket.socket, server: socket.socket) -> None:
    for sock in (client, server):
        sock.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                sock.send(bytes(65536))


def the_client_s_end(client: socket.socket, server: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)


def the_server_s_end(client: socket.socket, server: socket.socket) -> None:
    server.shutdown(socket.SHUT_WR)


def an_end_behind_octets_that_wait(client: socket.socket, server: socket.socket) -> None:
    octets_that_wait(client, server)
    client.shutdown(socket.SHUT_WR)


Before = Callable[[socket.socket, socket.socket], None]
BEFORE = [
    nothing,
    octets_both_ways,
    octets_that_wait,
    the_client_s_end,
    the_server_s_end,
    pytest.param(
        an_end_behind_octets_that_wait,
    ),
]


@pytest.mark.parametrize("side", ["client", "server"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("before", BEFORE)
def test_client_and_server_are_distinguished_in_any_state(
    before: Before, host: str, side: str
) -> None:
    with create_netsploder() as netsploder, connected(host) as (client, server, listener):
        listener.close()  # without which the side could be guessed
        before(client, server)
        expected = (client if side == "client" else server).getsockname()[:2]
        if side == "client":
            results = netsploder.reset_client_tcp_connections()
        else:
            results = netsploder.reset_server_tcp_connections()
        assert [result.local for result in results] == [expected]


@pytest.mark.parametrize("side", ["client", "server"])
def test_client_and_server_are_distinguished_under_traffic(side: str) -> None:
    with create_netsploder() as netsploder, connected() as (client, server, _):
        expected = (client if side == "client" else server).getsockname()
        flowing = threading.Barrier(5)
        with ThreadPoolExecutor(4) as threads:
            for sock in (client, server):
                threads.submit(pump, sock, flowing)
                threads.submit(drain, sock, flowing)
            flowing.wait(SAFETY_NET)
            if side == "client":
                results = netsploder.reset_client_tcp_connections()
            else:
                results = netsploder.reset_server_tcp_connections()
        assert [result.local for result in results] == [expected]


def pump(sock: socket.socket, flowing: threading.Barrier) -> None:
    with suppress(OSError):
        sock.sendall(bytes(65536))
        flowing.wait(SAFETY_NET)
        while True:
            sock.sendall(bytes(65536))


def drain(sock: socket.socket, flowing: threading.Barrier) -> None:
    with suppress(OSError):
        sock.recv(65536)
        flowing.wait(SAFETY_NET)
        while sock.recv(65536):
            pass


@pytest.fixture
def descriptors() -> Iterator[Callable[[int], None]]:
    """Raise the limit of descriptors, as far as this process may."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def have(count: int) -> None:
        needed = count + len(os.listdir("/proc/self/fd")) + 50
        if hard not in (resource.RLIM_INFINITY, -1) and needed > hard:
            pytest.skip(f"{needed} descriptors are needed, and {hard} are the most there may be")
        if needed > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))

    yield have
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_connections_are_all_reset(descriptors: Callable[[int], None]) -> None:
    descriptors(2001)
    with create_netsploder() as netsploder, ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        clients = []
        for _ in range(1000):
            client = socket.create_connection(listener.getsockname(), timeout=SAFETY_NET)
            clients.append(stack.enter_context(client))
            stack.enter_context(listener.accept()[0])
        results = netsploder.reset_server_tcp_connections()
        assert {result.remote for result in results} == {c.getsockname() for c in clients}
        for client in clients:
            assert_reset(client)


def test_defaults_of_create_netsploder_apply_to_every_call() -> None:
    with connected() as early, connected() as other:
        port = early.listener.getsockname()[1]
        with create_netsploder(include_existing=True, match=port) as netsploder:
            (result,) = netsploder.reset_client_tcp_connections()
            assert result.remote == early.listener.getsockname()
            assert (
                netsploder.reset_tcp_connections(include_existing=False, match=lambda _: True) == []
            )
        other.client.sendall(b"x")
        assert other.server.recv(1) == b"x"
