"""Loads on several servers in turns, so that the machine's other work slows all of them alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from hamms_trio.load.limits import MAX_REQUESTS
from hamms_trio.load.plan import Plan
from hamms_trio.load.result import Result, combine
from hamms_trio.load.run import EndedBy

_LAST = frozenset((EndedBy.INTERRUPT, EndedBy.UNREACHABLE))


class Generate(Protocol):
    """A function that makes a load on one server by a plan."""

    async def __call__(self, plan: Plan, /) -> Result: ...


async def alternate(generators: Sequence[Generate], plan: Plan, turns: int) -> list[Result | None]:
    """Make the plan's load on each server, split into turns: A B, B A, A B, ...

    The order changes from turn to turn, so that a machine that grows slower or faster favours no server. An
    interrupt, or a server that can't be reached, ends all turns.

    Returns:
        The result of each server, all its turns together; None for a server that had no turn.
    """
    results: list[list[Result]] = [[] for _ in generators]
    for number, part in enumerate(split(plan, turns)):
        order = range(len(generators))
        for which in order if number % 2 == 0 else reversed(order):
            result = await generators[which](part)
            results[which].append(result)
            if result.ended_by in _LAST:
                return [_combined(plan, each) for each in results]
    return [_combined(plan, each) for each in results]


def split(plan: Plan, turns: int) -> list[Plan]:
    """Divide the duration and the requests of a plan; each turn has the whole warm-up."""
    turns = min(turns, plan.requests)
    duration = plan.duration / turns
    if plan.requests == MAX_REQUESTS:
        return [replace(plan, duration=duration)] * turns
    least, more = divmod(plan.requests, turns)
    return [
        replace(plan, duration=duration, requests=least + (number < more))
        for number in range(turns)
    ]


def _combined(plan: Plan, results: Sequence[Result]) -> Result | None:
    return combine(plan, results) if results else None
