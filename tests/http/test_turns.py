"""The time for which one client may delay the others."""

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
from hamms_trio.http.accounting.account import UNLOGGED_ANSWERS
from hamms_trio.http.exchange.conversation import Conversation
from hamms_trio.http.limits.limits import HTTP_TURN_SECONDS
from hamms_trio.http.serving.server import Server
from hamms_trio.net.listening.ports import open_port
from tests.http.conversations import CLIENT, statuses
from tests.http.server import serving

ASKED = 50
LATE = 200


def test_slow_answers_are_given_a_few_at_a_time() -> None:
    now = count(0.0, HTTP_TURN_SECONDS / 4)  # each look at the clock takes time
    router = Router()
    service = Service(router, clock=lambda: next(now), wall_clock=lambda: 1e9)

    @router.get("/slow")
    def slow(_request: Request) -> Response:
        return text("done")

    head = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
    talk = Conversation(service, CLIENT)
    answered = [len(statuses(talk.receive(head * ASKED)))]
    while talk.has_more:
        answered.append(len(statuses(talk.advance())))
    assert sum(answered) == ASKED
    assert max(answered) <= 4


@pytest.mark.skipif(sys.platform != "linux", reason="the hub needs epoll")
async def test_many_late_clients_are_refused_a_few_at_a_time() -> None:
    looks = count()

    def clock() -> float:
        return monotonic() + next(looks) * HTTP_TURN_SECONDS / 4  # time passes when it is looked at

    service = Service(Router(), limits=ServerLimits(head_seconds=0.1), clock=clock)
    port, sockets = open_port("127.0.0.1", 0, purpose="a test", option="--port")
    refused = [0]  # as seen by another task at each of its turns
    with ExitStack() as clients, trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(Server(service, sockets).run)
            for _ in range(LATE):
                client = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
                client.send(b"GET / HT")
            while refused[-1] < LATE:
                await trio.lowlevel.checkpoint()
                refused.append(service.account.errors["read"])
            nursery.cancel_scope.cancel()
    # trio may give the hub two turns in a row, of four at most.
    assert max(after - before for before, after in pairwise(refused)) <= 8


def test_a_server_keeps_at_most_a_batch_of_answers_uncounted() -> None:
    service = Service(Router(), clock=lambda: 0.0, wall_clock=lambda: 1e9)
    talk = Conversation(service, CLIENT)
    pending = []
    for _ in range(3 * UNLOGGED_ANSWERS):
        talk.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        pending.append(service.account.pending)
    assert max(pending) < UNLOGGED_ANSWERS
    assert pending[-1] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the hub needs epoll")
async def test_the_last_answer_of_a_task_is_counted_without_further_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hub sleeps while a task answers, and nothing else wakes it here for an hour."""
    hour = 3600.0
    monkeypatch.setattr("hamms_trio.http.serving.acceptor.MAX_SWEEP_SECONDS", hour)
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
