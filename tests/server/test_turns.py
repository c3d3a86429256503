"""How long one client may keep the others waiting."""

from __future__ import annotations

from itertools import count

import pytest

from hamms_trio.server import Request, Response, Router, Service, text
from hamms_trio.server.account import FEW, RANKED_SECONDS, Ranking
from hamms_trio.server.conversation import Conversation
from hamms_trio.server.pipelining import TURN_SECONDS
from tests.server.talking import CLIENT, statuses

ASKED = 50


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
