"""A connection that has ended leaves nothing behind that has to be searched for.

The garbage collector runs rarely where there are thousands of connections, so what is in a cycle stays.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest
import trio

from hamms_trio.http import Request, Response, Router, text
from hamms_trio.http.exchange.conversation import Conversation
from tests.http.conversations import get, post
from tests.http.server import Serve, Serving, reset, wait_until

LENGTH = "Content-Length: 100000"
HALF = b"x" * 50_000


@pytest.fixture
def router() -> Router:
    router = Router()

    @router.get("/forever")
    @router.post("/forever")
    async def forever(_request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    @router.post("/read")
    async def read(request: Request) -> Response:
        return text((await request.read()).decode())

    @router.post("/whole")
    def whole(request: Request) -> Response:
        return text(request.content.decode())

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield HALF

    @router.get("/stream")
    def stream(_request: Request) -> Response:
        return Response(200, endless())

    @router.get("/big")
    async def big(_request: Request) -> Response:
        return Response(200, HALF * 200)

    return router


def is_answering(server: Serving) -> bool:
    return server.service.in_flight > 0


def has_begun(server: Serving) -> bool:
    return server.service.body_budget.octets > 0


# Octets that are sent, and a sign that the server has read them.
SAID: dict[str, tuple[bytes, Callable[[Serving], bool]]] = {
    "nothing": (b"", lambda server: server.service.connections > 0),
    "a request": (get("/forever"), is_answering),
    "an expectation": (post("/forever", LENGTH, "Expect: 100-continue"), is_answering),
    "half a content for a coroutine": (post("/read", LENGTH, content=HALF), has_begun),
    "half a content for a function": (post("/whole", LENGTH, content=HALF), has_begun),
    "too little reading of a stream": (get("/stream"), is_answering),
    "too little reading of an answer": (get("/big"), is_answering),
}


@contextmanager
def found_by_the_collector() -> Iterator[list[object]]:
    """Find objects that were left in the block; the list is filled at its end."""
    found: list[object] = []
    gc.disable()
    gc.freeze()  # nothing of what was there before is searched
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.unfreeze()
        gc.enable()


@pytest.mark.parametrize("noticed", SAID)
async def test_a_client_that_leaves_leaves_no_cycle(
    serve: Serve, router: Router, noticed: str
) -> None:
    octets, was_heard = SAID[noticed]
    async with serve(router) as server:
        with found_by_the_collector() as found:
            for _ in range(3):
                client = await server.connect()
                await client.send_all(octets)
                await wait_until(lambda: was_heard(server))
                reset(client)
                await wait_until(
                    lambda: not server.service.connections and not server.service.in_flight
                )
            server.service.account.settle()  # its entries know their connections
    assert not [one for one in found if isinstance(one, Conversation)]
