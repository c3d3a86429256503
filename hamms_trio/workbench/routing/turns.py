"""Long computations on the loop, in turns, so that octets of failure modes leave on time meanwhile.

A thread would not do: Python computes in one thread at a time, and the loop would wait for that thread several
milliseconds after each of its system calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TypeVar

import trio

T = TypeVar("T")
R = TypeVar("R")

COMPUTING_SECONDS = 0.002


class Turns:
    """Computations of which one has its turn in each pass of the loop."""

    def __init__(self) -> None:
        self._turn = trio.StrictFIFOLock()

    async def map(self, compute: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Compute a result for each item.

        A turn ends with the item at which `COMPUTING_SECONDS` have passed, so each item has to be little work.
        """
        results: list[R] = []
        remaining = iter(items)
        while True:
            async with self._turn:  # a checkpoint, even if nobody else waits
                end = perf_counter() + COMPUTING_SECONDS
                for item in remaining:
                    results.append(compute(item))
                    if perf_counter() >= end:
                        break
                else:
                    return results
