"""Schedules: when requests are due."""

from __future__ import annotations

from math import inf

from hypothesis import assume, given, strategies as st

from hamms_trio.load.plan.schedule import ClosedLoop, FixedRate, Plan
from tests.wire.pieces import DETERMINISTIC

BEGINNINGS = st.floats(0.0, 1e7)
RATES = st.floats(0.1, 20_000.0)
DURATIONS = st.floats(0.0, 1.0)


@given(BEGINNINGS, RATES, DURATIONS, st.integers(0, 100))
@DETERMINISTIC
def test_taken_and_left_over_requests_make_the_whole_plan(
    begin: float, rate: float, duration: float, taken: int
) -> None:
    plan = Plan(duration=duration, rate=rate)
    one, other = FixedRate(plan, begin, rate), FixedRate(plan, begin, rate)
    starts = []
    while (start := one.take(inf)) is not None:
        starts.append(start)
    assert list(one.left_over()) == []
    assume(taken <= len(starts))
    assert [other.take(inf) for _ in range(taken)] == starts[:taken]
    left = list(other.left_over())
    assert sum(count for _, count in left) == len(starts) - taken
    assert all(begin <= start < one.end for start, _ in left)


@given(BEGINNINGS, st.integers(1, 5_000), st.integers(1, 30), st.integers(0, 30))
@DETERMINISTIC
def test_rounding_neither_adds_nor_loses_a_request(
    begin: float, rate: int, tenths: int, warmup_tenths: int
) -> None:
    plan = Plan(duration=tenths / 10, warmup=warmup_tenths / 10, rate=rate)
    schedule = FixedRate(plan, begin, rate)
    starts = []
    while (start := schedule.take(inf)) is not None:
        starts.append(start)
    counted = sum(start >= schedule.counted_from for start in starts)
    assert len(starts) == -(-(tenths + warmup_tenths) * rate // 10)
    assert len(starts) - counted == -(-warmup_tenths * rate // 10)


def test_a_rate_is_exact_after_a_million_requests() -> None:
    schedule = FixedRate(Plan(duration=1000.0, rate=3000.0), 0.0, 3000.0)
    starts = [schedule.take(inf) for _ in range(1_000_001)]
    assert starts[-1] == 1_000_000 / 3000.0


def test_a_rate_gives_nothing_before_it_is_due() -> None:
    schedule = FixedRate(Plan(duration=1.0, rate=10.0), 5.0, 10.0)

    assert schedule.take(4.9) is None
    assert [schedule.take(5.15) for _ in range(3)] == [5.0, 5.1, None]
    assert schedule.next_due == 5.2


def test_a_closed_loop_counts_requests_after_the_warm_up() -> None:
    schedule = ClosedLoop(Plan(duration=10.0, warmup=1.0, requests=2), 0.0)

    assert [schedule.take(0.5) for _ in range(5)] == [0.5] * 5
    assert not schedule.has_run_out
    assert [schedule.take(now) for now in (1.0, 1.5, 1.6)] == [1.0, 1.5, None]
    assert schedule.has_run_out


def test_a_closed_loop_gives_nothing_once_its_time_is_over() -> None:
    schedule = ClosedLoop(Plan(duration=10.0), 0.0)
    assert schedule.take(9.9) == 9.9
    assert schedule.take(10.0) is None
