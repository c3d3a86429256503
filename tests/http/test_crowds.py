"""Clients whose requests arrive in the same round: the server reads all of them, and then answers."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest
import trio

from hamms_trio.http import Request, Response, Router, text
from tests.http.conversations import GET, LAST, statuses
from tests.http.server import ABORT, Serving, read_all, serving, wait_until

CLIENTS = 40
LARGE = 8 * 1024 * 1024  # more than the kernel buffers for one connection


@pytest.fixture
def router() -> Router:
    router = Router()
    router.fixed("GET", "/", text("Hello World"))

    @router.get("/large")
    def large(_request: Request) -> Response:
        return Response(200, b"x" * LARGE)

    return router


@asynccontextmanager
async def crowded(router: Router, hub: str) -> AsyncIterator[tuple[Serving, list[socket.socket]]]:
    """Serve a crowd of clients, all of which the server has accepted."""
    async with serving(router, hub=hub) as server:
        with ExitStack() as stack:
            crowd = [
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                for _ in range(CLIENTS)
            ]
            await wait_until(lambda: server.service.connections >= CLIENTS)
            yield server, crowd


def send(crowd: list[socket.socket], octets: bytes) -> None:
    """Send the same octets from each client, without a turn for the server."""
    for client in crowd:
        client.send(octets)


async def statuses_of(client: socket.socket) -> list[int]:
    return statuses(await read_rest(client))


async def read_rest(client: socket.socket) -> bytes:
    async with trio.SocketStream(trio.socket.from_stdlib_socket(client.dup())) as stream:
        return await read_all(stream)


async def test_each_client_of_a_crowd_gets_its_answers(router: Router, hub_kind: str) -> None:
    async with crowded(router, hub_kind) as (_, crowd):
        send(crowd, GET)
        send(crowd, LAST)
        assert [await statuses_of(client) for client in crowd] == [[200, 200]] * CLIENTS


async def test_clients_of_a_crowd_that_reset_leave_the_others_their_answers(
    router: Router, hub_kind: str
) -> None:
    async with crowded(router, hub_kind) as (_, crowd):
        send(crowd, LAST)
        for client in crowd[::2]:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            client.close()
        assert [await statuses_of(client) for client in crowd[1::2]] == [[200]] * (CLIENTS // 2)


async def test_large_answers_to_a_crowd_are_whole(router: Router, hub_kind: str) -> None:
    async with crowded(router, hub_kind) as (_, crowd):
        send(crowd[:3], GET.replace(b"/ ", b"/large ", 1))
        send(crowd, LAST)
        for client in crowd[:3]:
            octets = await read_rest(client)
            assert octets.count(b"x" * 1024) == LARGE // 1024
            assert octets.count(b"HTTP/1.1 200 OK") == 2


async def test_a_drain_loses_no_answer_to_a_crowd(router: Router, hub_kind: str) -> None:
    async with crowded(router, hub_kind) as (server, crowd), trio.open_nursery() as nursery:
        send(crowd, GET)
        nursery.start_soon(server.server.drain, 10.0)
        for client in crowd:
            with client:
                (status,) = await statuses_of(client)
            assert status in (200, 503)  # the one before the drain, the other during it
