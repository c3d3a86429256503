"""One load from its beginning to its end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import inf

import trio

from hamms_trio.load.carrier import carrier_for
from hamms_trio.load.client import LoadCarrier, LoadClient
from hamms_trio.load.counts.tally import Tally
from hamms_trio.load.plan import Plan, Schedule, make_schedule
from hamms_trio.load.plan.request import RepeatedRequest
from hamms_trio.load.plan.target import LoadTarget
from hamms_trio.net.hubs.hub import open_hub

MakeCarrier = Callable[[trio.Nursery], LoadCarrier]


class EndedBy(StrEnum):
    """Why no more requests were made; the names stand in the result."""

    DURATION = "duration"
    REQUESTS = "requests"
    INTERRUPT = "interrupt"
    UNREACHABLE = "unreachable"  # as many attempts as there are clients, and no connection


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """The outcome of a load.

    Attributes:
        window: seconds in which the requests that count had their intended starts.
        answered_within: how many were answered by the end of the window.
    """

    tally: Tally
    ended_by: EndedBy
    window: float
    answered_within: int


class Load:
    """The clients that repeat one request by a plan, and their course.

    A load has three parts: the warm-up, whose requests don't count; the window, in which the requests that count
    have their intended starts; and the wait for late answers, which is at most as long as the timeout.
    """

    tally: Tally
    schedule: Schedule
    carrier: LoadCarrier

    def __init__(self, plan: Plan, request: RepeatedRequest, make_carrier: MakeCarrier) -> None:
        self.plan = plan
        self.request = request
        self.in_flight = 0
        self._make_carrier = make_carrier
        self._resting: deque[LoadClient] = deque()
        self._is_pacing = False
        self._ended_by: EndedBy | None = None
        self._window_over = trio.Event()
        self._all_over = trio.Event()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> LoadOutcome:
        """Run the load to its end, and return its outcome."""
        async with trio.open_nursery() as nursery:
            clients = self._begin(nursery)
            task_status.started()
            with trio.move_on_after(self.plan.warmup + self.plan.duration):
                await self._window_over.wait()
            end, answered = self._end_window()
            with trio.move_on_after(self.plan.timeout):
                await self._all_over.wait()
            over = self._fail_unfinished(clients)
            nursery.cancel_scope.cancel()
        ended_by = self._ended_by or EndedBy.DURATION
        if ended_by is EndedBy.REQUESTS:  # they may have begun at once, and been answered slowly
            end, answered = over, self.tally.answered
        window = max(0.0, end - self.schedule.counted_from)
        return LoadOutcome(self.tally, ended_by, window, answered)

    def stop(self) -> None:
        """Begin no more requests; a second call also ends the wait for answers."""
        if self._ended_by is None:
            self._end_by(EndedBy.INTERRUPT)
        else:
            self._all_over.set()

    @property
    def is_ending(self) -> bool:
        """True if no more requests begin, and the load waits for answers only."""
        return self._window_over.is_set()

    # Called by clients (see `client.Traffic`)

    def on_resting(self, client: LoadClient) -> None:
        if self.plan.rate is not None and not client.is_resting:
            client.is_resting = True
            self._resting.append(client)
            self._pace()
        self._see_whether_over()

    def on_connect_failure(self) -> None:
        connections = self.tally.connections
        if not connections.opened and connections.failed >= self.plan.concurrency:
            self._end_by(EndedBy.UNREACHABLE)

    # Within

    def _begin(self, nursery: trio.Nursery) -> list[LoadClient]:
        self.carrier = self._make_carrier(nursery)
        begin = self.carrier.now()
        self.schedule = make_schedule(self.plan, begin)
        with_service = self.plan.rate is not None
        self.tally = Tally(self.schedule.counted_from, with_service=with_service)
        clients = [LoadClient(self) for _ in range(self.plan.concurrency)]
        for client in clients:
            client.proceed(begin)
        return clients

    def _end_window(self) -> tuple[float, int]:
        """End the window; return its end, and the number of answers until then."""
        now = self.carrier.now()
        self.schedule.end = min(self.schedule.end, now)
        self._end_by(EndedBy.REQUESTS if self.schedule.has_run_out else EndedBy.DURATION)
        self._see_whether_over()
        return self.schedule.end, self.tally.answered

    def _fail_unfinished(self, clients: list[LoadClient]) -> float:
        """Count the unfinished requests as failed, and return the time."""
        now = self.carrier.now()
        for client in clients:
            client.abandon(now)
        for intended, count in self.schedule.left_over():
            self.tally.note_left_over(intended, count, now)
        return now

    def _end_by(self, ended_by: EndedBy) -> None:
        if self._ended_by is None:
            self._ended_by = ended_by
        self._window_over.set()

    def _see_whether_over(self) -> None:
        if self.in_flight or self.schedule.next_due < inf:
            return
        if self.schedule.has_run_out:
            self._end_by(EndedBy.REQUESTS)
        if self._ended_by is not None:
            self._all_over.set()

    def _pace(self) -> None:
        """Schedule the wake-up of a resting client for the time when a request is due."""
        if not self._is_pacing and self._resting:
            due = self.schedule.next_due
            if due < inf:
                self._is_pacing = True
                self.carrier.call_on_time(due, self._on_due)

    def _on_due(self, _due: float) -> None:
        self._is_pacing = False
        now, resting = self.carrier.now(), self._resting
        while resting:
            client = resting[0]
            if client.can_take:
                intended = self.schedule.take(now)
                if intended is None:
                    break
                client.give(intended, now)
                resting.rotate(-1)  # the next request goes to another client
            else:
                client.is_resting = False
                resting.popleft()
        self._pace()
        self._see_whether_over()


def make_carrier(target: LoadTarget, hub: str | None = None) -> MakeCarrier:
    """Return a function that makes the carrier to a target, on a hub of this kind (see `net.hub.open_hub`)."""
    return lambda nursery: carrier_for(target, open_hub(hub), nursery)
