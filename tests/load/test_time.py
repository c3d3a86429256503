"""The times when requests begin and from which latency counts, in virtual time."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from hamms_trio.load.counts.latency import Latencies
from hamms_trio.load.counts.tally import Failure
from hamms_trio.load.plan import Plan
from hamms_trio.load.run import EndedBy, LoadOutcome
from tests.load.loads import (
    ANSWER,
    Requests,
    answering,
    load_in_memory,
    make_in_memory,
    waits,
)

STALL = 1.0


def tenths(latencies: Latencies | None) -> list[int]:
    """List the latencies that are not 0, in tenths of a second, longest first."""
    assert latencies is not None
    found = [round(us / 1e5) for us, count in latencies.counts for _ in range(count)]
    return sorted((each for each in found if each), reverse=True)


async def test_at_a_rate_a_stall_counts_for_every_delayed_request(
    autojump_clock: trio.testing.MockClock,
) -> None:
    plan = Plan(concurrency=1, duration=10.0, rate=10.0)
    outcome = await make_in_memory(plan, waits({50: STALL}))

    assert outcome.tally.answered == 100
    assert tenths(outcome.tally.latencies) == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert tenths(outcome.tally.service) == [10]


async def test_in_a_closed_loop_a_stall_counts_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    plan = Plan(concurrency=1, duration=10.0)
    play = answering(seconds=lambda number: STALL if number == 50 else 0.1)
    outcome = await make_in_memory(plan, play)

    assert tenths(outcome.tally.latencies) == [10] + [1] * (outcome.tally.answered - 1)


async def test_slow_answers_do_not_change_the_rate(
    autojump_clock: trio.testing.MockClock,
) -> None:
    begun: list[float] = []

    def half_a_second(_number: int) -> float:
        begun.append(trio.current_time() - began)
        return 0.5

    began = trio.current_time()
    plan = Plan(concurrency=8, duration=3.0, rate=10.0)
    outcome = await make_in_memory(plan, answering(seconds=half_a_second))
    assert [round(at, 3) for at in begun] == [round(n / 10, 3) for n in range(30)]
    assert tenths(outcome.tally.latencies) == [5] * 30


async def test_clients_take_turns_at_a_rate(autojump_clock: trio.testing.MockClock) -> None:
    outcome = await make_in_memory(Plan(concurrency=5, duration=1.0, rate=10.0), answering())
    assert outcome.tally.connections.opened == 5


async def test_requests_that_no_client_took_are_errors_with_latency(
    autojump_clock: trio.testing.MockClock,
) -> None:
    begin = trio.current_time()
    plan = Plan(concurrency=1, duration=4.0, rate=10.0, timeout=10.0)
    silent_after_20 = answering(seconds=lambda number: 1000.0 if number >= 20 else 0.0)
    outcome = await make_in_memory(plan, silent_after_20)

    assert trio.current_time() - begin == pytest.approx(14.0)
    assert outcome.tally.answered == 20
    assert outcome.tally.failures == {Failure.TIMEOUT: 1, Failure.UNFINISHED: 19}
    assert tenths(outcome.tally.latencies) == [*range(119, 100, -1), 100]


async def test_many_left_over_requests_are_counted_in_groups(
    autojump_clock: trio.testing.MockClock,
) -> None:
    plan = Plan(concurrency=1, duration=10.0, rate=100_000.0, timeout=20.0)
    outcome = await make_in_memory(plan, answering(seconds=lambda _number: 1000.0))

    assert outcome.tally.failed == 1_000_000
    assert outcome.tally.latencies.total / 1_000_000 == pytest.approx(25.0, rel=0.01)


async def test_the_last_answers_have_the_whole_timeout(
    autojump_clock: trio.testing.MockClock,
) -> None:
    begin = trio.current_time()
    plan = Plan(concurrency=2, duration=1.0, timeout=5.0)
    outcome = await make_in_memory(plan, waits({0: 4.0, 1: 99.0}))

    assert trio.current_time() - begin == pytest.approx(5.0)
    assert outcome.ended_by is EndedBy.DURATION
    assert (outcome.tally.answered, outcome.answered_within) == (1, 0)
    assert outcome.window == pytest.approx(1.0)
    assert outcome.tally.failures == {Failure.TIMEOUT: 1}


async def test_requests_of_the_warm_up_do_not_count(
    autojump_clock: trio.testing.MockClock,
) -> None:
    plan = Plan(concurrency=1, duration=2.0, warmup=1.0, rate=10.0)
    outcome = await make_in_memory(plan, waits({0: 0.5, 3: 0.1}))

    assert outcome.tally.answered == 20
    assert tenths(outcome.tally.latencies) == []
    assert outcome.window == pytest.approx(2.0)


@pytest.mark.parametrize("rate", [None, 10.0])
async def test_a_load_ends_with_the_last_of_its_requests(
    autojump_clock: trio.testing.MockClock, rate: float | None
) -> None:
    begin = trio.current_time()
    plan = Plan(concurrency=3, requests=7, duration=60.0, warmup=1.0, rate=rate)
    outcome = await make_in_memory(
        plan, waits({}) if rate else waits(dict.fromkeys(range(99), 0.1))
    )

    assert outcome.ended_by is EndedBy.REQUESTS
    assert outcome.tally.answered == outcome.answered_within == 7
    assert trio.current_time() - begin < 3.0


async def stopped_at(seconds: list[float], plan: Plan, slow: float) -> LoadOutcome:
    outcome: LoadOutcome | None = None
    async with trio.open_nursery() as nursery:
        load = load_in_memory(plan, nursery, waits({0: slow}))

        async def stop() -> None:
            for each in seconds:
                await trio.sleep(each)
                load.stop()

        nursery.start_soon(stop)
        outcome = await load.run()
        nursery.cancel_scope.cancel()
    assert outcome is not None
    return outcome


async def test_stopping_waits_for_unanswered_requests(
    autojump_clock: trio.testing.MockClock,
) -> None:
    begin = trio.current_time()
    outcome = await stopped_at([1.0], Plan(concurrency=1, duration=60.0), slow=1.5)

    assert outcome.ended_by is EndedBy.INTERRUPT
    assert (outcome.tally.answered, outcome.tally.failed) == (1, 0)
    assert outcome.window == pytest.approx(1.0)
    assert trio.current_time() - begin == pytest.approx(1.5)


async def test_stopping_twice_waits_for_nothing(autojump_clock: trio.testing.MockClock) -> None:
    begin = trio.current_time()
    outcome = await stopped_at([1.0, 0.2], Plan(concurrency=1, duration=60.0), slow=1.5)

    assert outcome.tally.failures == {Failure.UNFINISHED: 1}
    assert trio.current_time() - begin == pytest.approx(1.2)


async def test_the_timeout_starts_when_a_client_takes_the_request(
    autojump_clock: trio.testing.MockClock,
) -> None:
    plan = Plan(concurrency=1, duration=3.0, requests=3, timeout=1.0)
    outcome = await make_in_memory(plan, waits({0: 0.9, 1: 1.1, 2: 0.9}))

    assert (outcome.tally.answered, outcome.tally.failures) == (2, {Failure.TIMEOUT: 1})
    assert tenths(outcome.tally.latencies) == [10, 9, 9]
    assert outcome.tally.connections.reopened == 1


async def close_after_one(stream: trio.abc.Stream) -> None:
    await Requests(stream).next()
    await stream.send_all(ANSWER)
    await stream.aclose()


async def test_a_load_that_never_connects_ends_after_one_attempt_of_each_client(
    autojump_clock: trio.testing.MockClock,
) -> None:
    begin = trio.current_time()
    outcome = await make_in_memory(Plan(concurrency=3), answering(), accepts=0)

    assert outcome.ended_by is EndedBy.UNREACHABLE
    assert outcome.tally.failures == {Failure.CONNECT_REFUSED: 3}
    assert trio.current_time() == begin


async def test_a_closed_loop_retries_a_lost_server_with_pauses(
    autojump_clock: trio.testing.MockClock,
) -> None:
    plan = Plan(concurrency=2, duration=10.0)
    outcome = await make_in_memory(plan, close_after_one, accepts=100)

    assert outcome.ended_by is EndedBy.DURATION
    assert outcome.tally.answered == 100
    assert 20 < outcome.tally.failures[Failure.CONNECT_REFUSED] < 100


async def test_at_a_rate_each_refused_connection_is_one_failed_request(
    autojump_clock: trio.testing.MockClock,
) -> None:
    plan = Plan(concurrency=2, duration=10.0, rate=10.0)
    outcome = await make_in_memory(plan, close_after_one, accepts=30)

    assert outcome.tally.answered == 30
    assert outcome.tally.failures == {Failure.CONNECT_REFUSED: 70}


async def test_connections_that_are_closed_between_requests_fail_none(
    autojump_clock: trio.testing.MockClock,
) -> None:
    plan = Plan(concurrency=1, requests=5, rate=20.0)
    outcome = await make_in_memory(plan, close_after_one)

    assert outcome.tally.answered == 5
    assert not outcome.tally.failures
    connections = outcome.tally.connections
    assert connections.closed_idle + 1 >= connections.opened == 5
