"""Many hostile clients at once: they lose their answers, and delay no other client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from hamms_trio.http import Response, Router, ServerLimits, text
from hamms_trio.http.resources.basics import add_basics
from hamms_trio.http.routes.request import Request
from tests.http.conversations import GET, get, statuses
from tests.http.server import serving

HOSTILE = 100
MANNERS = {
    "says nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: a\r\nX:",
    "half a body": b"POST /submit HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
    "never reads": get("/big") * 40,
    "pipelines and never reads": GET * 2000,
    "a task, and never reads": get("/stream") * 300,
}


@pytest.fixture
def router() -> Router:
    router = Router()
    add_basics(router)

    @router.get("/big")
    def big(_request: Request) -> Response:
        return text("x" * 500_000)

    return router


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("octets", MANNERS.values(), ids=MANNERS)
async def test_clients_that_stall_hold_up_nobody(
    octets: bytes, router: Router, clients: ExitStack
) -> None:
    async with serving(router, ServerLimits(requests=0)) as server:
        for _ in range(HOSTILE):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.setblocking(False)
            if octets:
                client.send(octets)
        for _ in range(20):
            assert statuses(await server.ask(GET)) == [200]
        assert server.service.connections >= HOSTILE


async def test_the_server_stops_reading_from_a_client_that_never_reads(router: Router) -> None:
    async with serving(router, ServerLimits(requests=0)) as server:
        with socket.socket() as client, suppress(BlockingIOError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.setblocking(False)
            while client.send(get("/big") * 100):
                assert statuses(await server.ask(GET)) == [200]
        server.service.account.settle()

    # Unanswered requests stayed in the kernel, and not with us.
    assert server.service.account.routes["GET /big"].requests < 50
