"""The turns of a cell: a busy machine leads to longer times, and never to another verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hamms_trio.check.client import Answer, Call, Stopped, Visit
from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.plan.arguments import CheckTimes
from hamms_trio.check.running.cells import Cell
from hamms_trio.check.running.turns import MOST_TURNS, Turn, next_turn
from hamms_trio.check.verdicts import Finding
from hamms_trio.modes import CATALOGUE

ERROR, TIMEOUT, RETRY = "frame-cl-short-fin", "pace-byte", "retries"


def facts(slug: str, *answers: Answer, waited: float = 0.0) -> Facts:
    stopped = None if answers else Stopped.CAP
    return Facts(
        mode=CATALOGUE[slug],
        nonce="",
        calls=(Call(url="http://127.0.0.1/"),),
        visit=Visit(answers=answers, seconds=4.0, stopped=stopped, waited=waited),
        has_timeout=True,
        timeout=1.0,
        late=3.0,
        control_rss=None,
        connections=(),
        requests=(),
    )


def after(turn: Turn, found: Facts, finding: Finding, late: float = 0.0) -> Turn | None:
    return next_turn(turn, found, finding, late=late, waited=0.0, start_up=0.0)


def first(slug: str) -> Turn:
    return Turn(Cell(CATALOGUE[slug], 0))


QUICK = Answer(ok=False, seconds=0.1)
SLOW = Answer(ok=False, seconds=1.0)
WHOLE = Answer(ok=True, seconds=1.0)


@pytest.mark.parametrize(
    ("slug", "answer", "finding"),
    [
        (ERROR, QUICK, Finding.OK),
        (ERROR, WHOLE, Finding.LENIENT),
        (TIMEOUT, SLOW, Finding.OK),
        (RETRY, SLOW, Finding.OK),
    ],
)
def test_a_verdict_that_no_clock_decided_counts_at_once(
    slug: str, answer: Answer, finding: Finding
) -> None:
    assert after(first(slug), facts(slug, answer), finding) is None


@pytest.mark.parametrize(("slug", "finding"), [(ERROR, Finding.OK), (RETRY, Finding.NO_RETRY)])
def test_a_timeout_that_may_have_decided_gets_longer(slug: str, finding: Finding) -> None:
    turn = after(first(slug), facts(slug, SLOW), finding)
    assert turn is not None
    assert (turn.patience, turn.is_alone) == (4.0, False)
    waits = replace(facts(slug, replace(SLOW, seconds=4.0)), timeout=4.0)
    assert after(turn, waits, finding) is None
    starved = replace(waits, visit=replace(waits.visit, waited=3.0))
    longer = after(turn, starved, finding)
    assert longer is not None
    assert longer.patience == 16.0


def test_a_late_lab_leads_to_longer_times_until_it_is_in_time() -> None:
    turn = after(first(TIMEOUT), facts(TIMEOUT, SLOW), Finding.OK, late=0.6)
    assert turn is not None
    assert turn.patience == 4.0
    assert after(turn, replace(facts(TIMEOUT, SLOW), timeout=4.0), Finding.OK, late=0.5) is None


def test_a_hang_counts_only_alone_and_with_a_processor() -> None:
    alone = after(first(TIMEOUT), facts(TIMEOUT), Finding.HANG)
    assert alone is not None
    assert (alone.patience, alone.is_alone) == (1.0, True)
    assert after(alone, facts(TIMEOUT), Finding.HANG) is None
    assert after(alone, facts(TIMEOUT, waited=0.5), Finding.HANG) is None
    starved = after(alone, facts(TIMEOUT, waited=2.0), Finding.HANG)
    assert starved is not None
    assert (starved.patience, starved.is_alone) == (4.0, True)


def test_a_hang_without_a_need_to_wait_is_met_twice_alone() -> None:
    turns = [first(ERROR)]
    while (turn := after(turns[-1], facts(ERROR), Finding.HANG)) is not None:
        turns.append(turn)
    assert [turn.is_alone for turn in turns] == [False, True, True]


def test_a_use_of_memory_counts_however_long_it_took() -> None:
    turn = Turn(first(ERROR).cell, 1, is_alone=True)
    assert after(turn, facts(ERROR, waited=3.0), Finding.RESOURCES, late=3.0) is None


def test_turns_come_to_an_end() -> None:
    turn: Turn | None = first(TIMEOUT)
    for number in range(MOST_TURNS):
        assert turn is not None
        assert turn.number == number
        turn = after(turn, facts(TIMEOUT, SLOW), Finding.OK, late=60.0)
    assert turn is None


def test_longer_times_keep_their_proportions() -> None:
    usual, longer = CheckTimes(1.0, 0.5), CheckTimes(1.0, 0.5).longer(4)
    assert longer.late(2) == 4 * usual.late(2)
    assert longer.cap_for(2) == 4 * usual.cap_for(2)
