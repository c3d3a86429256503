"""How long one client may keep the others waiting."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack
from itertools import count, pairwise
from time import monotonic

import pytest
import trio
import trio.testing

from hamms_trio.http import Request, Response, Router, ServerLimits, Service, text
from hamms_trio.http.account import FEW, RANKED_SECONDS, Ranking
from hamms_trio.http.conversation import Conversation
from hamms_trio.http.pipelining import TURN_SECONDS
from hamms_trio.http.server import Server
from hamms_trio.net.ports import open_port
from tests.http.serving import serving
from tests.http.talking import CLIENT, statuses

ASKED = 50
LATE = 200


@pytest.mark.parametrize("seen", [1, 3], ids=["heads seen before", "new heads"])
def test_answers_that_take_long_are_given_a_few_at_a_time(seen: int) -> None:
    now = count(0.0, TURN_SECONDS / 4)  # whoever looks at the clock lets time pass
    router = Router()
    service = Service(router, clock=lambda: next(now), wall_clock=lambda: 1e9)

    @router.get("/slow")
    def slow(_request: Request) -> Response:
        return text("done")

    head = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
    for _ in range(3 - seen):
        Conversation(service, CLIENT).receive(head)
    talk = Conversation(service, CLIENT)
    answered = [len(statuses(talk.receive(head * ASKED)))]
    while talk.has_more:
        answered.append(len(statuses(talk.advance())))
    assert sum(answered) == ASKED
    assert max(answered) <= 4


def test_many_samples_are_put_in_order_now_and_then_and_few_at_once() -> None:
    ranking = Ranking()
    assert ranking.of([2.0, 1.0], 2, now=0.0) == [1.0, 2.0]
    assert ranking.of([2.0, 1.0, 0.5], 3, now=0.0) == [0.5, 1.0, 2.0]
    many = [float(n) for n in range(FEW, 0, -1)]
    assert ranking.of(many, FEW, now=1.0) == sorted(many)
    assert ranking.of([*many, 0.0], FEW + 1, now=1.0 + RANKED_SECONDS / 2) == sorted(many)
    assert ranking.of([*many, 0.0], FEW + 1, now=1.0 + 2 * RANKED_SECONDS) == [0.0, *sorted(many)]


@pytest.mark.skipif(sys.platform != "linux", reason="the hub needs epoll")
async def test_clients_that_are_late_all_at_once_are_refused_a_few_at_a_time() -> None:
    looks = count()

    def clock() -> float:
        return monotonic() + next(looks) * TURN_SECONDS / 4  # time passes when it is looked at

    service = Service(Router(), limits=ServerLimits(head_seconds=0.1), clock=clock)
    port, sockets = open_port("127.0.0.1", 0, purpose="a test", option="--port")
    refused = [0]  # as seen by another task at each of its turns
    with ExitStack() as clients, trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(Server(service, sockets, portable=False).run)
            for _ in range(LATE):
                client = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
                client.send(b"GET / HT")
            while refused[-1] < LATE:
                await trio.lowlevel.checkpoint()
                refused.append(service.account.errors["read"])
            nursery.cancel_scope.cancel()
    # trio may give the hub two turns in a row, of four at most.
    assert max(after - before for before, after in pairwise(refused)) <= 8


@pytest.mark.skipif(sys.platform != "linux", reason="the hub needs epoll")
async def test_answers_are_counted_while_nobody_waits() -> None:
    """So that no client has to wait until hundreds of them have been."""
    from hamms_trio.http.acceptor import SETTLED_EARLY

    router = Router()
    router.fixed("GET", "/", text("Hello World"))
    waiting = []
    async with serving(router) as server, await server.connect() as client:
        for _ in range(300):
            await client.send_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert statuses(bytes(await client.receive_some())) == [200]
            waiting.append(len(server.service.entries))
    assert max(waiting) <= SETTLED_EARLY


@pytest.mark.skipif(sys.platform != "linux", reason="the hub needs epoll")
async def test_what_a_task_has_answered_is_counted_though_nobody_comes_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hub sleeps while a task answers, and nothing else wakes it here for an hour."""
    hour = 3600.0
    monkeypatch.setattr("hamms_trio.http.acceptor.MAX_SWEEP_SECONDS", hour)
    monkeypatch.setattr("hamms_trio.http.server.SETTLE_SECONDS", hour)
    limits = ServerLimits(
        idle=hour,
        head_seconds=hour,
        content_seconds=hour,
        answer_seconds=hour,
        send_seconds=hour,
        linger_seconds=hour,
    )
    router = Router()

    @router.get("/")
    async def later(_request: Request) -> Response:
        await trio.testing.wait_all_tasks_blocked()
        return text("Hello World")

    counted = trio.Event()
    async with serving(router, limits) as server:
        server.service.account.log_to(lambda _entries: counted.set())
        async with await server.connect() as client:
            await client.send_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert statuses(bytes(await client.receive_some())) == [200]
            await counted.wait()
