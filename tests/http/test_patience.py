"""A slow reader of an answer keeps the whole deadline for its next request."""

from __future__ import annotations

import pytest
import trio

from hamms_trio.http import Request, Response, Router, ServerLimits, Service, text
from hamms_trio.http.serving.server import Server
from hamms_trio.net.accepted import Handover
from hamms_trio.testing.memory import MemoryHub, memory_connection
from tests.http.conversations import CLIENT, statuses

BIG = 20_000_000  # octets, more than the kernel takes for a client that does not read
LONG = 100.0  # seconds, more than each of the limits but for those that are below
LIMITS = ServerLimits(send_seconds=2 * LONG, waiting_output=2 * BIG)
GET_BIG = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n"

# Octets that are sent with the request for the large answer, and once that has been read.
NEXT = {
    "nothing yet": (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "half a head": (b"GET / HT", b"TP/1.1\r\nHost: a\r\n\r\n"),
    "half a body": (b"POST /submit HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab", b"cd"),
    "what takes its time": (b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", b""),
}


class Slow:
    """A route that answers when the test says so."""

    def __init__(self, router: Router) -> None:
        self.goes_on = trio.Event()

        @router.get("/slow")
        async def slow(_request: Request) -> Response:
            await self.goes_on.wait()
            return text("done")


@pytest.fixture
def router() -> Router:
    router = Router()
    router.fixed("GET", "/", text("Hello World"))
    router.fixed("GET", "/big", Response(200, b"x" * BIG))

    @router.post("/submit")
    def submit(request: Request) -> Response:
        return text(request.content.decode())

    return router


async def read_big(client: trio.abc.ReceiveStream) -> None:
    head = bytes(await client.receive_some())
    while b"\r\n\r\n" not in head:
        head += await client.receive_some()
    left = BIG - len(head.partition(b"\r\n\r\n")[2])
    while left:
        left -= len(await client.receive_some(left))


@pytest.mark.parametrize(("first", "rest"), NEXT.values(), ids=NEXT)
async def test_a_large_answer_may_be_read_slowly(
    router: Router, first: bytes, rest: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    slow = Slow(router)
    service = Service(router, limits=LIMITS, clock=trio.current_time)
    server = Server(service, [], hub=MemoryHub())
    ours, client = memory_connection()
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        server.adopt(Handover(ours, CLIENT))
        await client.send_all(GET_BIG + first)
        await trio.sleep(LONG)
        await read_big(client)
        await trio.testing.wait_all_tasks_blocked()
        slow.goes_on.set()
        if rest:
            await client.send_all(rest)
        assert statuses(bytes(await client.receive_some())) == [200]
        nursery.cancel_scope.cancel()
