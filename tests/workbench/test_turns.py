"""Long computations leave the loop to others between their turns."""

from __future__ import annotations

from time import perf_counter

import trio

from hamms_trio.workbench.routing.turns import COMPUTING_SECONDS, Turns


def compute(item: int) -> int:
    end = perf_counter() + COMPUTING_SECONDS
    while perf_counter() < end:
        pass
    return item


async def test_other_tasks_run_between_two_turns() -> None:
    passes = 0

    async def count() -> None:
        nonlocal passes
        while True:
            passes += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        assert await Turns().map(compute, range(5)) == [0, 1, 2, 3, 4]
        nursery.cancel_scope.cancel()
    assert passes >= 5


async def test_two_computations_share_one_turn() -> None:
    turns, order = Turns(), list[str]()

    async def run(name: str) -> None:
        def note(item: int) -> int:
            order.append(name)
            return compute(item)

        await turns.map(note, range(3))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, "a")
        nursery.start_soon(run, "b")
    first, second = order[:2]
    assert order == [first, second] * 3
