"""What is asked of a load, and when each of its requests is to begin.

Why this is hard: a client that waits for an answer before it sends the next request stops asking just
when the server is slow, so the requests that would have waited longest are never made, and the
percentiles look splendid (coordinated omission). With a rate, therefore, requests have intended starts
that no answer can move, and latency counts from those. Without one the load is a closed loop: as many
requests at once as there are clients, each followed by the next, which finds out what a server can do at
most, and whose latencies say little about what independent users would have met.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, inf
from typing import Protocol

from hamms_trio.load.limits import MAX_REQUESTS

ROUNDING = (
    1e-7  # seconds; a start that is due with the end is not due before it, however that is rounded
)
LEFT_OVER_STARTS = 10_000  # with more left over, neighbours share one intended start


@dataclass(frozen=True, slots=True)
class Plan:
    """The shape of a load.

    Attributes:
        concurrency: clients at once, each with one connection at most.
        duration: seconds after the warm-up in which requests begin.
        requests: how many begin after the warm-up, at most.
        rate: requests to begin each second, all clients together; None for a closed loop.
        keepalive: whether a client uses its connection again.
        pipeline_depth: requests that a client has out on its connection, at most.
        timeout: seconds in which a request has to be answered once a client has taken it.
        warmup: seconds before anything counts.
    """

    concurrency: int = 100
    duration: float = 10.0
    requests: int = MAX_REQUESTS
    rate: float | None = None
    keepalive: bool = True
    pipeline_depth: int = 1
    timeout: float = 2.0
    warmup: float = 0.0


class Schedule(Protocol):
    """When requests begin.

    Attributes:
        counted_from: what begins earlier is warm-up.
        end: nothing begins from then on.
        has_run_out: whether the number of requests asked for has begun.
    """

    counted_from: float
    end: float
    has_run_out: bool

    def take(self, now: float) -> float | None:
        """The intended start of a request that is due, which has begun with this; or None."""

    @property
    def next_due(self) -> float:
        """When the next one is due that nobody asks for; infinity if there is none."""

    def left_over(self) -> Iterable[tuple[float, int]]:
        """The intended starts of requests that should have begun and have not, and how many at each."""


def make_schedule(plan: Plan, begin: float) -> Schedule:
    """The schedule of a plan that begins now."""
    if plan.rate is None:
        return ClosedLoop(plan, begin)
    return FixedRate(plan, begin, plan.rate)


class ClosedLoop:
    """Always due: whoever has an answer may ask again."""

    __slots__ = ("_left", "counted_from", "end", "has_run_out")

    def __init__(self, plan: Plan, begin: float) -> None:
        self.counted_from = begin + plan.warmup
        self.end = self.counted_from + plan.duration
        self.has_run_out = False
        self._left = plan.requests

    def take(self, now: float) -> float | None:
        if now >= self.end or self.has_run_out:
            return None
        if now >= self.counted_from:
            self._left -= 1
            self.has_run_out = not self._left
        return now

    @property
    def next_due(self) -> float:
        return inf  # clients ask

    def left_over(self) -> Iterable[tuple[float, int]]:
        return ()


class FixedRate:
    """One request every ``1 / rate`` seconds, whatever became of those before it."""

    __slots__ = (
        "_begin",
        "_left",
        "_next",
        "_number",
        "_rate",
        "counted_from",
        "end",
        "has_run_out",
    )

    def __init__(self, plan: Plan, begin: float, rate: float) -> None:
        self.counted_from = begin + plan.warmup - ROUNDING
        self.end = self.counted_from + plan.duration
        self.has_run_out = False
        self._left = plan.requests
        self._begin = begin
        self._rate = rate
        self._number = 0
        self._next = begin  # always `_due` of the number

    def take(self, now: float) -> float | None:
        due = self._next
        if due > now or due >= self.end or self.has_run_out:
            return None
        self._number += 1
        self._next = self._due(self._number)
        if due >= self.counted_from:
            self._left -= 1
            self.has_run_out = not self._left
        return due

    @property
    def next_due(self) -> float:
        return inf if self._next >= self.end or self.has_run_out else self._next

    def left_over(self) -> Iterable[tuple[float, int]]:
        begun = self._number
        all_due = ceil((self.end - self._begin) * self._rate)
        while all_due > begun and self._due(all_due - 1) >= self.end:  # rounded the other way
            all_due -= 1
        count = min(all_due - begun, self._left)
        together = max(1, count // LEFT_OVER_STARTS)
        for number in range(begun, begun + count, together):
            group = min(together, begun + count - number)
            yield self._due(number + (group - 1) / 2), group

    def _due(self, number: float) -> float:
        # Not from the one before, so that no error of rounding adds up.
        return self._begin + number / self._rate
