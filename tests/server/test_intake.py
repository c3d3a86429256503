"""What is kept of requests' content has a limit, whoever sends it and however many they are."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from functools import partial
from time import monotonic

import pytest
import trio

from hamms_trio.errors import NoRoom
from hamms_trio.server import Request, Response, Router, ServerLimits, Service, text
from hamms_trio.server.conversation import Conversation
from hamms_trio.server.intake import LOOKS, PATIENCE_SECONDS, SMALL, Intake
from hamms_trio.server.request import Content
from hamms_trio.wire import parse_head
from tests.server.serving import Serving, read_all, read_until, serving
from tests.server.talking import CLIENT, Answer, read_answers, statuses
from tests.server.test_files import reset, said

Serve = Callable[..., AbstractAsyncContextManager[Serving]]

EACH = 100_000
LIMIT = 4 * EACH
LIMITS = ServerLimits(content_total=LIMIT)
HALF = b"x" * (EACH // 2)
CHUNK = b"%x\r\n%b\r\n" % (len(HALF), HALF)
LENGTH = f"Content-Length: {EACH}"
CHUNKED = "Transfer-Encoding: chunked"
EXPECT = "Expect: 100-continue"


@pytest.fixture(params=[False, True], ids=["hub", "portable"])
def serve(request: pytest.FixtureRequest) -> Serve:
    return partial(serving, portable=request.param)


@pytest.fixture
def router() -> Router:
    router = Router()

    @router.post("/whole")
    def whole(request: Request) -> Response:
        return text(str(len(request.content)))

    @router.post("/read")
    async def read(request: Request) -> Response:
        return text(str(len(await request.read())))

    @router.post("/pieces")
    async def pieces(request: Request) -> Response:
        return text(str(sum([len(piece) async for piece in request.pieces()])))

    @router.post("/huge", max_content=10 * LIMIT)
    def huge(request: Request) -> Response:
        return text(str(len(request.content)))

    return router


def post(path: str, *fields: str, content: bytes = b"") -> bytes:
    return said(path, *fields, method="POST", content=content)


async def until(server: Serving, octets: int) -> None:
    """Wait until there is room for so many octets, neither more nor less."""
    while server.service.intake.octets != octets:
        await trio.lowlevel.checkpoint()


async def half_sent(server: Serving, path: str, length: str = LENGTH) -> trio.SocketStream:
    """A client that has sent half of its content, all of which has come."""
    client = await server.connect()
    half = HALF if length == LENGTH else CHUNK
    before = server.service.intake.octets
    await client.send_all(post(path, length, content=half))
    await until(server, before + (EACH if length == LENGTH else len(HALF)))
    return client


PATHS = ("/whole", "/read", "/pieces")


@pytest.mark.parametrize("path", PATHS)
async def test_who_is_let_in_is_read_and_who_is_too_many_is_refused_before_sending(
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
        assert server.service.intake.octets == LIMIT
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
        while server.service.intake.octets <= LIMIT:
            await trio.lowlevel.checkpoint()
        await small.send_all(content[100:])
        assert await read_until(small, b"%d" % SMALL)
        await until(server, LIMIT)


@pytest.mark.parametrize("path", PATHS[:2])
async def test_a_chunked_content_is_refused_when_what_has_come_finds_no_room(
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


async def test_a_coroutine_that_wants_all_of_a_long_content_needs_room_for_all_of_it(
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


async def be_late(_server: Serving, client: trio.SocketStream) -> None:
    assert statuses(await read_all(client)) == [408]


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
        for end in (half_close, leave, leave_by_reset, be_late, drain, let_the_server_end)
    ),
]


@pytest.mark.parametrize("path", PATHS[:2])
@pytest.mark.parametrize(("length", "end"), ENDS)
async def test_however_it_ends_nothing_is_kept(
    serve: Serve, router: Router, path: str, length: str, end: End
) -> None:
    limits = ServerLimits(content_seconds=0.1 if end is be_late else 30.0)
    async with serve(router, limits) as server:
        async with await half_sent(server, path, length) as client:
            await end(server, client)
            if end is not let_the_server_end:
                await until(server, 0)
    assert server.service.intake.octets == 0


async def test_what_a_route_works_with_is_kept_until_it_returns_or_its_time_is_over(
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
        while not server.service.in_flight:
            await trio.lowlevel.checkpoint()
        reset(client)
        await until(server, 0)

    async with serve(router) as server, await half_sent(server, "/work") as client:
        await client.send_all(HALF)
        while not server.service.in_flight:
            await trio.lowlevel.checkpoint()
        assert server.service.intake.octets == EACH
        goes_on.set()
        assert await read_until(client, b"%d" % EACH)
        await until(server, 0)


@pytest.mark.parametrize("kind", ["function", "coroutine"])
async def test_a_client_that_is_slow_to_read_its_answer_keeps_no_room_for_what_it_sent(
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
        assert server.service.intake.octets == 0
        goes_on.set()
        await read_until(client, b"0\r\n\r\n")
    server.service.account.settle()
    assert lines == [len(asked)]  # the octets in


async def test_a_stream_may_read_on_and_what_waits_for_it_has_room(
    serve: Serve, router: Router
) -> None:
    @router.post("/back")
    async def back(request: Request) -> Response:
        return Response(200, request.pieces())

    async with serve(router) as server, await half_sent(server, "/back") as client:
        octets = await read_until(client, b"x\r\n")
        assert server.service.intake.octets == EACH
        await client.send_all(HALF)
        octets += await read_until(client, b"0\r\n\r\n")
        assert read_answers(octets)[0].body == 2 * HALF
        await until(server, 0)


async def test_what_a_route_does_not_want_is_not_kept(serve: Serve, router: Router) -> None:
    @router.post("/careless")
    async def careless(_request: Request) -> Response:
        return text("done")

    async with serve(router) as server, await server.connect() as client:
        for path, ending in (("/careless", b"done"), ("/nothing", b"}}")):
            await client.send_all(post(path, LENGTH, content=HALF))
            await read_until(client, ending)
            assert server.service.intake.octets == 0
            await client.send_all(HALF)


class Now:
    """A clock that is set."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def conversing(router: Router) -> tuple[Now, Callable[[], Conversation]]:
    """A clock, and what begins a conversation of one service that goes by it."""
    now = Now()
    service = Service(router, limits=LIMITS, clock=now, wall_clock=lambda: 1e9)
    return now, lambda: Conversation(service, CLIENT)


def only(octets: bytes) -> Answer:
    (answer,) = read_answers(octets)
    return answer


def test_room_is_taken_back_from_those_who_do_not_send_and_left_to_those_who_do(
    router: Router,
) -> None:
    now, begin = conversing(router)
    sending, *silent = (begin() for _ in range(LIMIT // EACH))
    for one in (sending, *silent):
        assert one.receive(post("/whole", LENGTH)) == b""
    now.seconds += PATIENCE_SECONDS
    assert only(begin().receive(post("/whole", LENGTH))).status == 503

    now.seconds += 0.1
    sending.receive(b"x" * (EACH // 10))  # a tenth of it, in less than a tenth of its 30 seconds
    others = [begin() for _ in silent]
    for other in others:
        assert other.receive(post("/whole", LENGTH)) == b""
    for one in silent[:-1]:
        assert only(one.receive(b"x")).status == 503
    assert only(silent[-1].on_deadline()).status == 503
    assert only(begin().receive(post("/whole", LENGTH))).status == 503
    assert only(sending.receive(b"x" * (EACH - EACH // 10))).status == 200


def test_nobody_is_too_slow_while_there_is_room(router: Router) -> None:
    now, begin = conversing(router)
    slow, other = begin(), begin()
    slow.receive(post("/whole", LENGTH))
    now.seconds += 29.0
    assert other.receive(post("/whole", LENGTH)) == b""
    assert only(slow.receive(2 * HALF)).status == 200


def test_whose_content_a_route_has_not_taken_yet_is_not_too_slow(router: Router) -> None:
    now, begin = conversing(router)
    waiting = [begin() for _ in range(LIMIT // EACH)]
    for one in waiting:
        one.receive(post("/read", LENGTH, content=b"x"))  # to which nobody gives a task here
    now.seconds += PATIENCE_SECONDS + 0.1
    assert only(begin().receive(post("/whole", LENGTH))).status == 503


@pytest.mark.skipif(sys.platform != "linux", reason="the hub needs epoll")
async def test_who_has_not_been_asked_to_send_yet_is_not_too_slow(router: Router) -> None:
    ahead, reads = 0.0, trio.Event()

    @router.post("/later")
    async def later(request: Request) -> Response:
        await reads.wait()
        return text(str(len(await request.read())))

    async with serving(router, LIMITS) as server, AsyncExitStack() as clients:
        server.service.clock = lambda: monotonic() + ahead
        waiting = [
            await clients.enter_async_context(await server.connect()) for _ in range(LIMIT // EACH)
        ]
        for client in waiting:
            await client.send_all(post("/later", LENGTH, EXPECT))
        while server.service.in_flight < len(waiting):
            await trio.lowlevel.checkpoint()
        ahead = PATIENCE_SECONDS + 0.1
        assert statuses(await server.ask(post("/whole", LENGTH, EXPECT))) == [503]
        reads.set()
        for client in waiting:
            await read_until(client, b"100 Continue\r\n\r\n")
            await client.send_all(2 * HALF)
            assert statuses(await read_until(client, b"%d" % EACH)) == [200]


class SomeContent:
    """Stands for a request's content."""

    def __init__(self, octets: int = 0, *, is_awaited: bool = True) -> None:
        self.begun = 0.0
        self.octets = octets
        self.is_awaited = is_awaited
        self.is_gone = False

    def let_go(self) -> None:
        self.is_gone = True


def test_each_refusal_looks_at_a_few_others() -> None:
    intake = Intake(LIMIT, seconds=30.0, clock=lambda: 1 + PATIENCE_SECONDS)
    contents = [SomeContent() for _ in range(3 * LOOKS)]
    for content in contents:
        intake.admit(content, LIMIT // len(contents) + 1)
    for times in (1, 2, 3):
        with pytest.raises(NoRoom):  # for they are told to release what they have, and don't
            intake.admit(SomeContent(), LIMIT)
        assert sum(content.is_gone for content in contents) == times * LOOKS


@contextmanager
def costing(octets: int) -> Iterator[None]:
    """What is kept from the block costs at most so much memory."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[0] <= octets
    finally:
        tracemalloc.stop()


def test_tiny_pieces_cost_little_more_than_their_octets(router: Router) -> None:
    octets = 200_000
    _, begin = conversing(router)
    talk = begin()
    talk.receive(post("/whole", f"Content-Length: {octets}"))
    with costing(2 * octets):
        for number in range(octets // 2 - 1):
            talk.receive(b"%02d" % (number % 100))


async def test_tiny_pieces_that_a_coroutine_collects_cost_little_more_either() -> None:
    octets = 40_000
    head = parse_head(post("/read", f"Content-Length: {octets}"))
    content = Content(head, octets, Intake(octets, seconds=30.0, clock=lambda: 0.0))
    request = Request(head, {}, b"1", CLIENT, b"", content)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(request.read)
        await trio.lowlevel.checkpoint()
        with costing(2 * octets + 20_000):  # of trio's own
            for number in range(octets // 2 - 1):
                content.feed(b"%02d" % (number % 100))
                await trio.lowlevel.checkpoint()
        content.feed(b"99")
    assert len(request.content) == octets
