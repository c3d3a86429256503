"""Two loads in turns, each made one result in the end."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
import trio.testing

from hamms_trio.load.alternate import Generate, alternate, split
from hamms_trio.load.counts.tally import Failure
from hamms_trio.load.plan import Plan
from hamms_trio.load.result import Result
from hamms_trio.load.run import EndedBy
from tests.load.loads import Play, answering, make_in_memory, result_of

PLAN = Plan(concurrency=2, duration=3.0, rate=10.0, timeout=20.0)

Clock = trio.testing.MockClock


def generator(name: str, made: list[str], play: Play, *, accepts: float = inf) -> Generate:
    """Make a load on a server in memory that records its turns by name."""

    async def generate(plan: Plan, /) -> Result:
        made.append(name)
        return result_of(plan, await make_in_memory(plan, play, accepts=accepts))

    return generate


async def test_turns_alternate_and_the_first_of_a_turn_changes(autojump_clock: Clock) -> None:
    made: list[str] = []
    servers = [generator("A", made, answering()), generator("B", made, answering())]
    await alternate(servers, PLAN, 3)
    assert "".join(made) == "ABBAAB"


async def test_the_turns_of_a_server_make_one_result(autojump_clock: Clock) -> None:
    slow = answering(seconds=lambda number: 0.25 if number == 12 else 0.0)
    one, other = await alternate(
        [generator("A", [], slow), generator("B", [], answering())], PLAN, 3
    )
    assert one is not None
    assert other is not None
    assert (one.requests, other.requests) == (30, 30)
    assert one.rps == pytest.approx(10.0)
    assert other.rps == pytest.approx(10.0)
    assert one.plan == PLAN
    assert one.ended_by is EndedBy.DURATION
    assert one.tally.connections.opened == 6  # two clients in each of three turns
    assert one.latency is not None
    assert one.latency.maximum == pytest.approx(0.25)
    assert one.latency.count == 30
    assert one.service is not None


async def test_an_unreachable_server_ends_all_turns(autojump_clock: Clock) -> None:
    made: list[str] = []
    refusing = generator("A", made, answering(), accepts=0)
    one, other = await alternate([refusing, generator("B", made, answering())], PLAN, 3)
    assert made == ["A"]
    assert other is None
    assert one is not None
    assert one.ended_by is EndedBy.UNREACHABLE
    assert one.tally.failures[Failure.CONNECT_REFUSED] >= 2


@pytest.mark.parametrize(
    ("requests", "turns", "shares"), [(10, 3, [4, 3, 3]), (2, 5, [1, 1]), (6, 1, [6])]
)
def test_requests_are_divided_without_loss(requests: int, turns: int, shares: list[int]) -> None:
    parts = split(replace(PLAN, requests=requests), turns)
    assert [part.requests for part in parts] == shares
    assert sum(part.duration for part in parts) == pytest.approx(PLAN.duration)


def test_each_turn_has_the_whole_warm_up() -> None:
    parts = split(replace(PLAN, warmup=2.0), 2)
    assert {(part.warmup, part.duration) for part in parts} == {(2.0, 1.5)}
