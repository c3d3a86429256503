"""The state of the live view: the latest events of a workbench, and its counters."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

SeenEvent = dict[str, Any]

SCENARIO = (
    "scenario.run.started",
    "scenario.step.started",
    "scenario.step.completed",
    "scenario.run.completed",
)
REQUEST, PROXY = "request.completed", "proxy.request.completed"
TOPICS = ",".join((REQUEST, *SCENARIO, PROXY))
SEEN_EVENTS = 500  # events of each kind
ROUTES = 200  # of the health map
_BAD_STATUS = 400


class Seen:
    """The state of the live view.

    Attributes:
        cursor: the id of the latest event.
        shown: the id of the latest event that was printed.
        problem: the reason why the workbench is unreachable at the moment.
        answers, failures: requests by route.
    """

    def __init__(self, *, failed_only: bool = False) -> None:
        self.failed_only = failed_only
        self.cursor = self.shown = 0
        self.problem = ""
        self.metrics: dict[str, Any] = {}
        self.clear()

    def clear(self) -> None:
        """Clear the events and counts; later events are shown again."""
        self._events: dict[str, deque[SeenEvent]] = {
            kind: deque(maxlen=SEEN_EVENTS) for kind in (REQUEST, "scenario", PROXY)
        }
        self.answers: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    def reset(self) -> None:
        """Start again from the oldest event."""
        self.clear()
        self.cursor = self.shown = 0

    def take(self, page: dict[str, Any], metrics: dict[str, Any]) -> None:
        """Take a page of events, and the counters."""
        self.metrics = metrics
        self.problem = ""
        events: list[SeenEvent] = page["events"]
        for event in events:
            kind = "scenario" if event["type"] in SCENARIO else event["type"]
            if kind in self._events:
                self._events[kind].append(event)
            if kind == REQUEST:
                self._count(event["payload"])
        self.cursor = events[-1]["id"] if events else max(self.cursor, page["latest_id"])

    def latest(self, kind: str, count: int) -> list[SeenEvent]:
        """Return the latest events of a kind, the newest last; only failures if the user wants those."""
        found = [event for event in self._events[kind] if not self.failed_only or has_failed(event)]
        return found[-count:]

    def take_new(self) -> list[SeenEvent]:
        """Return the events of all kinds that were not printed yet, in order (see `latest`)."""
        found = [event for kind in self._events for event in self.latest(kind, SEEN_EVENTS)]
        new = sorted(
            (event for event in found if event["id"] > self.shown), key=lambda event: event["id"]
        )
        self.shown = max(self.shown, self.cursor)
        return new

    def _count(self, payload: dict[str, Any]) -> None:
        route = payload["route_key"]
        if route not in self.answers and len(self.answers) >= ROUTES:
            return
        self.answers[route] += 1
        self.failures[route] += payload["status"] >= _BAD_STATUS


def has_failed(event: SeenEvent) -> bool:
    """Return True if an event reports a failure."""
    status = event["payload"].get("status")
    return status == "fail" or (isinstance(status, int) and status >= _BAD_STATUS)


def words_of(event: SeenEvent) -> str:
    """Describe an event in one line."""
    payload, kind = event["payload"], event["type"]
    if kind == REQUEST:
        return (
            f"{payload['status']} {payload['method']} {payload['path']} {payload['latency_ms']}ms"
        )
    if kind == PROXY:
        target = payload["target_id"]
        return f"{payload['status']} {target}: {payload['method']} {payload['path']}"
    about = " ".join(
        f"{name}={payload[name]}"
        for name in ("step_id", "seed", "status", "failure_reason")
        if payload.get(name) is not None
    )
    return f"{kind.removeprefix('scenario.')} {payload['scenario_id']} {about}"
