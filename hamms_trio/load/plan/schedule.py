"""The shape of a load, and the time when each of its requests begins.

Why this is hard: a client that waits for an answer before it sends the next request stops sending just
when the server is slow. So the requests that would have waited longest are never made, and the percentiles
look splendid (coordinated omission). With a rate, therefore, requests have intended starts that no answer
can move, and latency counts from those. Without a rate the load is a closed loop: each client sends its
next request after each answer. A closed loop finds the most that a server can do, but its latencies say
little about the experience of independent users.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, inf
from typing import Protocol

from hamms_trio.load.limits import MAX_REQUESTS

ROUNDING = 1e-7  # seconds; a request due exactly at the end is not due before it
LEFT_OVER_STARTS = 10_000  # if more requests are left over, neighbours share one intended start


@dataclass(frozen=True, slots=True)
class Plan:
    """The shape of a load.

    Attributes:
        concurrency: clients at once, each with one connection at most.
        duration: seconds after the warm-up in which requests begin.
        requests: most requests that begin after the warm-up.
        rate: requests to begin each second, all clients together; None for a closed loop.
        keepalive: True if a client uses its connection again.
        pipeline_depth: most unanswered requests on one connection.
        timeout: seconds for an answer, from the moment when a client has taken the request.
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
    """The times when requests begin.

    Attributes:
        counted_from: time when the warm-up ends.
        end: time from which on no request begins.
        has_run_out: True if all requests of the plan have begun.
    """

    counted_from: float
    end: float
    has_run_out: bool

    def take(self, now: float) -> float | None:
        """Begin a request that is due, and return its intended start; None if none is due."""

    @property
    def next_due(self) -> float:
        """The time when the next request is due without an answer before it; infinity if there is none."""

    def left_over(self) -> Iterable[tuple[float, int]]:
        """Yield the intended starts of requests that should have begun and have not, with their number."""


def make_schedule(plan: Plan, begin: float) -> Schedule:
    """Make the schedule of a plan that begins at a time."""
    if plan.rate is None:
        return ClosedLoop(plan, begin)
    return FixedRate(plan, begin, plan.rate)


class ClosedLoop:
    """A schedule in which a request is always due, so that a client goes on after each answer."""

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
        return inf  # clients take requests after answers

    def left_over(self) -> Iterable[tuple[float, int]]:
        return ()


class FixedRate:
    """A schedule with one request every ``1 / rate`` seconds, however slow the answers are."""

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
        self._next = begin  # always `self._due(self._number)`

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
        # `ceil` may round up once too often.
        while all_due > begun and self._due(all_due - 1) >= self.end:
            all_due -= 1
        count = min(all_due - begun, self._left)
        together = max(1, count // LEFT_OVER_STARTS)
        for number in range(begun, begun + count, together):
            group = min(together, begun + count - number)
            yield self._due(number + (group - 1) / 2), group

    def _due(self, number: float) -> float:
        # Computed from the begin, not from the start before, so that rounding errors don't add up.
        return self._begin + number / self._rate
