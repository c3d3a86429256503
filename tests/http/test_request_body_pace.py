"""Eviction of bodies that come too slowly, and the cost of a body's pieces."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from time import monotonic

import pytest
import trio

from hamms_trio.errors import NoRoom
from hamms_trio.http import Request, Response, Router, Service, text
from hamms_trio.http.exchange.conversation import Conversation
from hamms_trio.http.limits.request_bodies import LOOKS, PATIENCE_SECONDS, BodyBudget
from hamms_trio.http.routes.content import Content
from hamms_trio.wire import parse_head
from tests.http.conversations import CLIENT, Answer, post, read_answers, statuses
from tests.http.server import read_until, serving, wait_until
from tests.http.uploads import EACH, EXPECT, HALF, LENGTH, LIMIT, LIMITS, taking_content


@pytest.fixture
def router() -> Router:
    return taking_content()


class Now:
    """A clock that is set."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def conversing(router: Router) -> tuple[Now, Callable[[], Conversation]]:
    """Return a fake clock, and a function that begins a conversation on this clock."""
    now = Now()
    service = Service(router, limits=LIMITS, clock=now, wall_clock=lambda: 1e9)
    return now, lambda: Conversation(service, CLIENT)


def only(octets: bytes) -> Answer:
    (answer,) = read_answers(octets)
    return answer


def test_stalled_bodies_are_evicted_and_others_stay(
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


def test_no_body_is_evicted_while_there_is_room(router: Router) -> None:
    now, begin = conversing(router)
    slow, other = begin(), begin()
    slow.receive(post("/whole", LENGTH))
    now.seconds += 29.0
    assert other.receive(post("/whole", LENGTH)) == b""
    assert only(slow.receive(2 * HALF)).status == 200


def test_a_body_that_its_route_has_not_read_yet_is_not_evicted(router: Router) -> None:
    now, begin = conversing(router)
    waiting = [begin() for _ in range(LIMIT // EACH)]
    for one in waiting:
        one.receive(post("/read", LENGTH, content=b"x"))  # to which nobody gives a task here
    now.seconds += PATIENCE_SECONDS + 0.1
    assert only(begin().receive(post("/whole", LENGTH))).status == 503


@pytest.mark.skipif(sys.platform != "linux", reason="the hub needs epoll")
async def test_a_client_that_waits_for_100_continue_is_not_evicted(router: Router) -> None:
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
        await wait_until(lambda: server.service.in_flight >= len(waiting))
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

    def evict(self) -> None:
        self.is_gone = True


def test_each_refusal_checks_the_pace_of_a_few_other_bodies() -> None:
    budget = BodyBudget(LIMIT, seconds=30.0, clock=lambda: 1 + PATIENCE_SECONDS)
    contents = [SomeContent() for _ in range(3 * LOOKS)]
    for content in contents:
        budget.reserve(content, LIMIT // len(contents) + 1)
    for times in (1, 2, 3):
        with pytest.raises(NoRoom):  # these ignore their eviction
            budget.reserve(SomeContent(), LIMIT)
        assert sum(content.is_gone for content in contents) == times * LOOKS


@contextmanager
def costing(octets: int) -> Iterator[None]:
    """Check that the objects kept from the block cost at most so much memory."""
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
    content = Content(head, octets, BodyBudget(octets, seconds=30.0, clock=lambda: 0.0))
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
