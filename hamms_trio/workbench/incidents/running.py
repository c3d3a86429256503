"""The incident of a workbench: at most one runs; a stop, another incident or its own time ends it."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import time
from typing import Protocol

import trio

from hamms_trio.workbench.incidents.effect import Effect, effect_on
from hamms_trio.workbench.incidents.model import IncidentRequest, read_incident
from hamms_trio.workbench.routing.documents import Document

PRUNED_EVERY = 64  # connections
NO_INCIDENT = "none"  # the mode while there is no incident


class Held(Protocol):
    """A connection on which a failure mode plays."""

    @property
    def is_open(self) -> bool:
        """True until the connection ends, or goes back to the server."""

    def abandon(self) -> None:
        """Reset the connection."""


class RunningIncident:
    """An incident from its start on.

    Attributes:
        over: set at the end, so that delayed answers leave at once.
        ended_by: ``stop``, ``replaced``, ``duration`` or ``ttl``; "" while the incident runs.
    """

    def __init__(self, asked: IncidentRequest) -> None:
        self.asked = asked
        self.over = trio.Event()
        self.ended_by = ""
        self.started_at = time()
        self.affected = 0
        self.requests = 0  # that came while the incident struck
        self._held: list[Held] = []
        self._begun = trio.current_time()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return trio.current_time() - self._begun

    @property
    def ends_at(self) -> float:
        """The time of the end, by trio's clock; infinite if only a stop ends it."""
        return inf if self.asked.end is None else self._begun + self.asked.end

    @property
    def is_active(self) -> bool:
        """True until the incident ends."""
        return not self.ended_by and trio.current_time() < self.ends_at

    @property
    def ended_by_time(self) -> str:
        """The member that sets the time of the end: ``ttl`` or ``duration``."""
        asked = self.asked
        return "ttl" if asked.ttl is not None and asked.end == asked.ttl else "duration"

    def end(self, ended_by: str) -> None:
        """End the incident, release delayed answers, and reset the connections of its failure mode."""
        self.ended_by = ended_by
        self.over.set()
        held, self._held = self._held, []
        for connection in held:
            if connection.is_open:
                connection.abandon()

    def hold(self, connection: Held) -> None:
        """Remember a connection on which the failure mode plays; the end of the incident resets it."""
        if len(self._held) % PRUNED_EVERY == 0:
            self._held = [held for held in self._held if held.is_open]
        self._held.append(connection)

    def next_effect(self) -> Effect | None:
        """Count a request, and return the effect on it; None if it is spared."""
        if not self.is_active or not self.asked.strikes_at(self.elapsed):
            return None
        effect = effect_on(self.asked, self.requests)
        self.requests += 1
        if effect is not None:
            self.affected += 1
        return effect

    def document(self) -> Document:
        """Return the state, with the reference's members first."""
        asked, active = self.asked, self.is_active
        phase = "over"
        if active:
            is_waiting = self.elapsed < asked.start_after
            strikes = asked.strikes_at(self.elapsed)
            phase = "waiting" if is_waiting else "striking" if strikes else "resting"
        return {
            **_document(asked),
            "active": active,
            "affected_requests": self.affected,
            "ended_by": self.ended_by,
            "ends_in": round(asked.end - self.elapsed, 3)
            if active and asked.end is not None
            else None,
            "mode": asked.mode if active else NO_INCIDENT,
            "phase": phase,
            "requests": self.requests,
            "started_at": self.started_at if active else 0.0,
        }


class Incidents:
    """The incident of one workbench.

    Args:
        seed: the seed of incidents that have none of their own.
        publish: publishes an event with a type and a payload.
        check_fail: raises ValueError for a failure mode that can't be an answer.

    Attributes:
        on_change: called after each start and end.
        faults: the number of requests that were struck since the server's start.
    """

    def __init__(
        self,
        *,
        seed: int,
        publish: Callable[[str, Document], None],
        check_fail: Callable[[str], object],
    ) -> None:
        self._seed = seed
        self._publish = publish
        self._check_fail = check_fail
        self._changed = trio.Event()
        self._current: RunningIncident | None = None
        self.on_change: Callable[[], None] = lambda: None
        self.faults = 0

    @property
    def current(self) -> RunningIncident | None:
        """The running incident; None if there is none."""
        current = self._current
        if current is not None and not current.ended_by and not current.is_active:
            self._end(current, current.ended_by_time)
        return current if current is not None and not current.ended_by else None

    def state(self) -> Document:
        """Return the state of the running incident, or of the last one."""
        shown = self.current or self._current
        return inactive(self._seed) if shown is None else shown.document()

    def start(self, given: Document) -> RunningIncident:
        """Start an incident; it replaces a running one.

        Raises:
            Problem: 400, with the field and its value.
        """
        asked = read_incident(given, seed=self._seed, check_fail=self._check_fail)
        current = self.current
        if current is not None:
            self._end(current, "replaced")
        started = self._current = RunningIncident(asked)
        self._publish("incident.started", started.document())
        self._tell_change()
        return started

    def stop(self) -> Document:
        """End the running incident, if any, and return the state."""
        current = self.current
        if current is not None:
            self._end(current, "stop")
        return self.state()

    def stop_this(self, incident: RunningIncident) -> None:
        """End this incident, unless it is over."""
        if self.current is incident:
            self._end(incident, "stop")

    def next_effect(self) -> tuple[RunningIncident, Effect] | None:
        """Count a request, and return the effect on it; None if it is spared."""
        current = self.current
        effect = current.next_effect() if current is not None else None
        if current is None or effect is None:
            return None
        self.faults += 1
        return current, effect

    async def run(self) -> None:
        """End incidents when their time is over, until cancelled."""
        while True:
            current, changed = self.current, self._changed
            with trio.move_on_at(inf if current is None else current.ends_at):
                await changed.wait()

    def _end(self, incident: RunningIncident, ended_by: str) -> None:
        incident.end(ended_by)
        self._publish("incident.stopped", {**incident.document(), "mode": incident.asked.mode})
        self._tell_change()

    def _tell_change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
        self.on_change()


def inactive(seed: int) -> Document:
    """Return the state before the first incident."""
    return {
        **_document(IncidentRequest(seed=seed)),
        "active": False,
        "affected_requests": 0,
        "ended_by": "",
        "ends_in": None,
        "mode": NO_INCIDENT,
        "phase": NO_INCIDENT,
        "requests": 0,
        "started_at": 0.0,
    }


def _document(asked: IncidentRequest) -> Document:
    return {name: getattr(asked, name) for name in asked.__struct_fields__}
