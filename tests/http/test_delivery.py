"""Delivery of large files: in turns, from the disk, to slow and departing clients, and during a drain."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.files import FileTree, Root
from hamms_trio.http import Request, Response, Router, ServerLimits
from hamms_trio.http.exchange.delivery import SENDFILE_OCTETS, Delivery, PauseReason
from hamms_trio.http.exchange.exchange import Exchange
from hamms_trio.http.exchange.tasks import FILE_OCTETS
from hamms_trio.http.resources.files import FileRouter
from hamms_trio.http.routes.match import Match
from hamms_trio.http.routes.response import FileBody
from hamms_trio.http.routes.router import Route
from hamms_trio.pki.folder import throwaway_certificates
from hamms_trio.wire import parse_head
from tests.descriptors import no_gaps, reset_in_place
from tests.http.conversations import CLIENT, get, read_answers
from tests.http.server import Serve, Serving, read_all, reset, serving, wait_until

LENGTH = 20_000_000  # more than any socket's buffers take


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(1000) * (LENGTH // 1000))
    return path


@pytest.fixture
def router(file: Path) -> Router:
    (file.parent / "index.html").write_bytes(b"<p>" * 100_000)
    return FileRouter(FileTree(root=Root(file.parent)))


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in memory, as far as the kernel tells."""

    def preadv(*_arguments: object) -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "preadv", preadv)


@asynccontextmanager
async def begun(
    server: Serving, *requests: bytes
) -> AsyncIterator[tuple[trio.SocketStream, bytes]]:
    """Open a client that has sent a request and received the first octets."""
    async with await server.connect() as client:
        await client.send_all(b"".join(requests))
        yield client, bytes(await client.receive_some(10_000))


def counted(server: Serving) -> tuple[int, int]:
    """Answers and octets that the metrics know of."""
    account = server.service.account
    account.settle()
    return sum(route.requests for route in account.routes.values()), account.octets_sent


CLOSE = "Connection: close"


async def test_the_octets_of_a_delivered_file_are_counted(serve: Serve, router: Router) -> None:
    async with serve(router) as server:
        async with begun(server, get("/file"), get("/", CLOSE)) as (
            client,
            octets,
        ):
            octets += await read_all(client)
            first, second = read_answers(octets)
            assert (len(first.body), second.body) == (LENGTH, b"<p>" * 100_000)
            assert counted(server) == (2, len(octets))


async def test_octets_sent_to_a_client_that_leaves_are_counted(
    serve: Serve, router: Router
) -> None:
    async with serve(router) as server:
        async with begun(server, get("/file") * 3) as (client, octets):
            while len(octets) < LENGTH // 2:
                octets += await client.receive_some()
            reset(client)
            await wait_until(lambda: not server.service.connections)
            answers, sent = counted(server)
            assert answers == 1
            # All but a piece, where a task sends them.
            assert len(octets) - FILE_OCTETS <= sent < LENGTH
            assert server.service.in_flight == 0


async def test_a_client_that_does_not_read_a_file_is_disconnected(
    serve: Serve, router: Router
) -> None:
    async with serve(router, ServerLimits(send_seconds=0.05)) as server:
        async with begun(server, get("/file")) as (client, _):
            await wait_until(lambda: not server.service.connections)
            assert server.service.account.write_errors["Timeout"] == 1
            with pytest.raises(trio.BrokenResourceError):
                await read_all(client)


async def test_a_file_that_is_cut_off_meanwhile_ends_the_connection(
    serve: Serve, router: Router, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with serve(router) as server:
            async with begun(server, get("/file") * 2) as (client, octets):
                os.truncate(file, LENGTH - 1)
                octets += await read_all(client)
    head, _, body = octets.partition(b"\r\n\r\n")
    assert f"Content-Length: {LENGTH}\r\n".encode() in head
    assert len(body) == LENGTH - 1
    assert "became shorter" in caplog.text


async def test_a_drain_waits_for_a_file_under_way(serve: Serve, router: Router) -> None:
    async with serve(router) as server, trio.open_nursery() as nursery:
        async with begun(server, get("/file")) as (client, octets):
            nursery.start_soon(server.server.drain, 20)
            await wait_until(lambda: server.service.drain_began)
            (answer,) = read_answers(octets + await read_all(client))
            assert len(answer.body) == LENGTH


async def test_a_client_that_closes_its_side_gets_all_of_the_file(
    serve: Serve, router: Router
) -> None:
    async with serve(router) as server:
        async with begun(server, get("/file")) as (client, octets):
            await client.send_eof()
            (answer,) = read_answers(octets + await read_all(client))
            assert len(answer.body) == LENGTH


async def test_a_file_outside_the_page_cache_is_delivered(cold: None, router: Router) -> None:
    async with serving(router) as server:
        async with begun(server, get("/file"), get("/"), get("/file", CLOSE)) as (
            client,
            octets,
        ):
            answers = read_answers(octets + await read_all(client))
            assert [len(answer.body) for answer in answers] == [LENGTH, 300_000, LENGTH]
            assert counted(server)[0] == 3


async def test_a_client_that_leaves_during_a_disk_read_leaks_nothing(
    cold: None, router: Router
) -> None:
    async with serving(router) as server:
        before = len(os.listdir("/dev/fd"))
        for _ in range(5):
            async with begun(server, get("/file") * 3) as (client, _):
                reset(client)
        await wait_until(
            lambda: not server.service.connections and len(os.listdir("/dev/fd")) <= before
        )
        assert server.service.in_flight == 0
        assert counted(server)[0] == 5


async def test_octets_read_for_a_departed_client_reach_no_other_client(
    cold: None, router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that connects while a thread still reads gets the descriptor of the one before."""
    begun, goes_on = trio.Event(), threading.Event()
    pread = os.pread

    def slow(file: int, count: int, at: int) -> bytes:
        trio.from_thread.run_sync(begun.set)
        assert goes_on.wait(30)
        return pread(file, count, at)

    monkeypatch.setattr(os, "pread", slow)
    async with serving(router) as server:
        address = ("127.0.0.1", server.port)
        with no_gaps(), socket.socket() as newcomer, socket.create_connection(address) as client:
            client.send(get("/file"))
            await begun.wait()
            (gone,) = served_on(server)
            reset_in_place(client)
            await wait_until(lambda: not server.service.connections)
            newcomer.connect(address)
            await wait_until(lambda: server.service.connections)
            assert served_on(server) == [gone]
            goes_on.set()
            await wait_until(lambda: not server.service.in_flight)
            newcomer.send(get("/", CLOSE))
            newcomer.setblocking(False)
            stream = trio.SocketStream(trio.socket.from_stdlib_socket(newcomer))
            (answer,) = read_answers(await read_all(stream))
            assert answer.body == b"<p>" * 100_000


def served_on(server: Serving) -> list[int]:
    """List the descriptors of the connections."""
    connections = server.server.connections
    return [one._fd for one in connections]


@pytest.mark.parametrize("missing", ["sendfile", "preadv", "RWF_NOWAIT"])
async def test_a_file_arrives_where_the_platform_lacks_a_call(
    serve: Serve, router: Router, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, missing, raising=False)
    async with serve(router) as server:
        octets = await server.ask(get("/file") + get("/", CLOSE))
    assert [len(answer.body) for answer in read_answers(octets)] == [LENGTH, 300_000]


@pytest.mark.parametrize("is_cold", [False, True], ids=["in memory", "on disk"])
async def test_a_file_is_delivered_over_tls(
    is_cold: bool, request: pytest.FixtureRequest, router: Router
) -> None:
    if is_cold:
        request.getfixturevalue("cold")
    with throwaway_certificates() as made:
        trusted = ssl.create_default_context(cafile=str(made.authority))
        certificate = ServerCertificate(made.certificate, made.key)
        async with serving(router, certificate=certificate) as server:
            raw = await server.connect()
            async with trio.SSLStream(raw, trusted, server_hostname="localhost") as client:
                await client.send_all(get("/file") + get("/", CLOSE))
                octets = b"".join([bytes(piece) async for piece in client])
            assert [len(answer.body) for answer in read_answers(octets)] == [LENGTH, 300_000]
            assert counted(server) == (2, len(octets))


def some_exchange() -> Exchange:
    match = Match(parse_head(get("/file")), Route("files", Response(200)), {})
    return Exchange(match, Request(match.head, {}, b"1", CLIENT), None, None, 60, 0.0, 1)


def test_a_turn_is_bounded_however_much_room_there_is(file: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, file.open("rb") as opened:
        for sock in (ours, theirs):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * SENDFILE_OCTETS)
            sock.setblocking(False)
        exchange = some_exchange()
        delivery = Delivery(
            exchange, ours.send, ours.fileno(), b"head", FileBody(opened, range(LENGTH), b"tail")
        )
        received, turns = bytearray(), 0
        while need := delivery.proceed():
            turns += 1
            assert need is PauseReason.ROOM
            assert exchange.octets_out - len(received) <= len("head") + SENDFILE_OCTETS
            received += theirs.recv(SENDFILE_OCTETS * 2)
        received += theirs.recv(SENDFILE_OCTETS * 2)
        assert received == b"head" + file.read_bytes() + b"tail"
        assert turns >= LENGTH // SENDFILE_OCTETS
