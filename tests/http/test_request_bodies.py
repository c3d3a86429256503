"""Buffered request bodies have a limit over all clients together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import trio

from hamms_trio.http import Request, Response, Router, ServerLimits, text
from hamms_trio.http.limits.request_bodies import SMALL
from tests.http.conversations import post, read_answers, statuses
from tests.http.server import Serve, Serving, read_all, read_until, reset, wait_until
from tests.http.uploads import (
    CHUNK,
    CHUNKED,
    EACH,
    EXPECT,
    HALF,
    LENGTH,
    LIMIT,
    LIMITS,
    half_sent,
    taking_content,
    until,
)


@pytest.fixture
def router() -> Router:
    return taking_content()


PATHS = ("/whole", "/read", "/pieces")


@pytest.mark.parametrize("path", PATHS)
async def test_admitted_bodies_are_read_and_further_ones_refused_before_sending(
    serve: Serve, router: Router, path: str
) -> None:
    async with serve(router, LIMITS) as server, AsyncExitStack() as clients:
        let_in = [
            await clients.enter_async_context(await half_sent(server, path))
            for _ in range(LIMIT // EACH)
        ]
        for refused in (post(path, LENGTH, EXPECT), post(path, LENGTH, content=HALF)):
            (answer,) = read_answers(await server.ask(refused))
            assert answer.status == 503
            assert answer.fields["retry-after"] == "2"
            assert answer.fields["connection"] == "close"
        assert server.service.body_budget.octets == LIMIT
        server.service.account.settle()
        assert server.service.account.routes["request/no_room"].requests == 2
        for client in let_in:
            await client.send_all(HALF)
            assert await read_until(client, b"%d" % EACH)
        await until(server, 0)
        assert statuses(await server.ask(post(path, LENGTH, content=2 * HALF))) == [200]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("length", [f"Content-Length: {SMALL}", CHUNKED])
async def test_a_small_content_has_room_however_many_large_ones_there_are(
    serve: Serve, router: Router, path: str, length: str
) -> None:
    async with serve(router, LIMITS) as server, AsyncExitStack() as clients:
        for _ in range(LIMIT // EACH):
            await clients.enter_async_context(await half_sent(server, "/whole"))
        small = await clients.enter_async_context(await server.connect())
        content = b"x" * SMALL
        if length == CHUNKED:
            content = b"%x\r\n%b\r\n0\r\n\r\n" % (SMALL, content)
        await small.send_all(post(path, length, content=content[:100]))
        await wait_until(lambda: server.service.body_budget.octets > LIMIT)
        await small.send_all(content[100:])
        assert await read_until(small, b"%d" % SMALL)
        await until(server, LIMIT)


@pytest.mark.parametrize("path", PATHS[:2])
async def test_a_chunked_body_is_refused_once_its_octets_find_no_room(
    serve: Serve, router: Router, path: str
) -> None:
    async with serve(router, LIMITS) as server, AsyncExitStack() as clients:
        one = await clients.enter_async_context(await half_sent(server, "/whole", CHUNKED))
        for _ in range(LIMIT // EACH):
            await clients.enter_async_context(await half_sent(server, "/whole"))
        (answer,) = read_answers(await server.ask(post(path, CHUNKED, content=CHUNK)))
        assert (answer.status, answer.fields["connection"]) == (503, "close")
        await one.send_all(CHUNK)
        assert statuses(await read_all(one)) == [503]


async def test_a_route_may_take_more_than_all_others_together(serve: Serve, router: Router) -> None:
    content = b"x" * (3 * LIMIT)
    asked = post("/huge", f"Content-Length: {len(content)}", content=content)
    async with serve(router, LIMITS) as server, await half_sent(server, "/whole"):
        (answer,) = read_answers(await server.ask(asked))
        assert answer.body == b"%d" % len(content)
        await until(server, EACH)


async def test_a_coroutine_that_reads_a_long_body_whole_needs_room(
    serve: Serve, router: Router
) -> None:
    length = f"Content-Length: {3 * EACH}"  # more than may wait for one that takes it as it comes
    async with serve(router, LIMITS) as server, AsyncExitStack() as clients:
        for _ in range(LIMIT // EACH - 1):
            await clients.enter_async_context(await half_sent(server, "/whole"))
        for path, status in (("/read", 503), ("/pieces", 200)):
            client = await clients.enter_async_context(await server.connect())
            await client.send_all(post(path, length, EXPECT))
            if status == 200:
                assert await read_until(client, b"100 Continue\r\n\r\n")
                await client.send_all(b"x" * (3 * EACH))
                await client.send_eof()
            (answer,) = read_answers(await read_all(client))
            assert answer.status == status
            assert answer.fields["connection"] == ("close" if status == 503 else "keep-alive")
            await until(server, LIMIT - EACH)


async def complete(_server: Serving, client: trio.SocketStream) -> None:
    await client.send_all(HALF)
    assert await read_until(client, b"%d" % EACH)


async def complete_chunked(_server: Serving, client: trio.SocketStream) -> None:
    await client.send_all(CHUNK + b"0\r\n\r\n")
    assert await read_until(client, b"%d" % EACH)


async def break_chunks(_server: Serving, client: trio.SocketStream) -> None:
    await client.send_all(b"junk\r\n")
    assert statuses(await read_all(client)) == [400]


async def half_close(_server: Serving, client: trio.SocketStream) -> None:
    await client.send_eof()
    assert statuses(await read_all(client)) == [400]


async def leave(_server: Serving, client: trio.SocketStream) -> None:
    await client.aclose()


async def leave_by_reset(_server: Serving, client: trio.SocketStream) -> None:
    reset(client)


async def drain(server: Serving, _client: trio.SocketStream) -> None:
    await server.server.drain(0.01)


async def let_the_server_end(server: Serving, _client: trio.SocketStream) -> None:
    """Nothing: it does when the block ends."""


End = Callable[[Serving, trio.SocketStream], Awaitable[None]]

ENDS: list[tuple[str, End]] = [
    (LENGTH, complete),
    (CHUNKED, complete_chunked),
    (CHUNKED, break_chunks),
    *(
        (length, end)
        for length in (LENGTH, CHUNKED)
        for end in (half_close, leave, leave_by_reset, drain, let_the_server_end)
    ),
]


@pytest.mark.parametrize("path", PATHS[:2])
@pytest.mark.parametrize(("length", "end"), ENDS)
async def test_no_body_keeps_room_however_its_request_ends(
    serve: Serve, router: Router, path: str, length: str, end: End
) -> None:
    async with serve(router) as server:
        async with await half_sent(server, path, length) as client:
            await end(server, client)
            if end is not let_the_server_end:
                await until(server, 0)
    assert server.service.body_budget.octets == 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("length", "half"), [(LENGTH, HALF), (CHUNKED, CHUNK)])
async def test_a_late_body_keeps_no_room(
    serve: Serve, router: Router, path: str, length: str, half: bytes
) -> None:
    async with serve(router, ServerLimits(content_seconds=0.1)) as server:
        async with await server.connect() as client:
            await client.send_all(post(path, length, content=half))
            assert statuses(await read_all(client)) == [408]
            await until(server, 0)


async def test_a_body_keeps_its_room_until_its_route_returns_or_times_out(
    serve: Serve, router: Router
) -> None:
    goes_on = trio.Event()

    @router.post("/work")
    async def work(request: Request) -> Response:
        content = await request.read()
        await goes_on.wait()
        return text(str(len(content)))

    async with serve(router, ServerLimits(answer_seconds=0.1)) as server:
        assert statuses(await server.ask(post("/work", LENGTH, content=2 * HALF))) == [503]
        await until(server, 0)

    async with serve(router) as server, await half_sent(server, "/work") as client:
        await client.send_all(HALF)
        await wait_until(lambda: server.service.in_flight)
        reset(client)
        await until(server, 0)

    async with serve(router) as server, await half_sent(server, "/work") as client:
        await client.send_all(HALF)
        await wait_until(lambda: server.service.in_flight)
        assert server.service.body_budget.octets == EACH
        goes_on.set()
        assert await read_until(client, b"%d" % EACH)
        await until(server, 0)


@pytest.mark.parametrize("kind", ["function", "coroutine"])
async def test_a_slow_reader_keeps_no_room_for_its_request_body(
    serve: Serve, router: Router, kind: str
) -> None:
    goes_on = trio.Event()

    async def stream() -> AsyncIterator[bytes]:
        yield b"first"
        await goes_on.wait()
        yield b"second"

    @router.post("/function")
    def function(_request: Request) -> Response:
        return Response(200, stream())

    @router.post("/coroutine")
    async def coroutine(request: Request) -> Response:
        await request.read()
        return Response(200, stream())

    lines: list[int] = []
    async with serve(router) as server, await server.connect() as client:
        server.service.account.log_to(lambda entries: lines.extend(e[4] for e in entries))
        asked = post(f"/{kind}", LENGTH, content=2 * HALF)
        await client.send_all(asked)
        await read_until(client, b"first\r\n")
        assert server.service.body_budget.octets == 0
        goes_on.set()
        await read_until(client, b"0\r\n\r\n")
    server.service.account.settle()
    assert lines == [len(asked)]  # the octets in


async def test_a_streaming_route_reads_on_while_its_body_waits_for_room(
    serve: Serve, router: Router
) -> None:
    @router.post("/back")
    async def back(request: Request) -> Response:
        return Response(200, request.pieces())

    async with serve(router) as server, await half_sent(server, "/back") as client:
        octets = await read_until(client, b"x\r\n")
        assert server.service.body_budget.octets == EACH
        await client.send_all(HALF)
        octets += await read_until(client, b"0\r\n\r\n")
        assert read_answers(octets)[0].body == 2 * HALF
        await until(server, 0)


async def test_a_body_that_no_route_reads_is_not_kept(serve: Serve, router: Router) -> None:
    @router.post("/careless")
    async def careless(_request: Request) -> Response:
        return text("done")

    async with serve(router) as server, await server.connect() as client:
        for path, ending in (("/careless", b"done"), ("/nothing", b"}}")):
            await client.send_all(post(path, LENGTH, content=HALF))
            await read_until(client, ending)
            assert server.service.body_budget.octets == 0
            await client.send_all(HALF)
