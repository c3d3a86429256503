"""The document that starts an incident, and the rules that it has to keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from hamms_trio.workbench.chance import ChaosSeed
from hamms_trio.workbench.incidents.effect import BUILT_IN, MAX_LATENCY_MS
from hamms_trio.workbench.routing.documents import Document, convert, show
from hamms_trio.workbench.routing.problems import Problem

CODE = "invalid_incident"
MAX_SECONDS = 30 * 86_400.0
DISTRIBUTIONS = ("fixed", "uniform", "normal")

IncidentSeconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
PhaseSeconds = Annotated[float, Meta(gt=0, le=MAX_SECONDS)]
_SOME = Meta(ge=0, le=MAX_LATENCY_MS)
Jitter = Annotated[int, _SOME] | Annotated[float, _SOME]


class IncidentRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The document that starts an incident.

    Attributes:
        mode: ``status_spike_503``, ``fixed_latency``, ``body_drop``, or the slug of a failure mode, with or
            without a query.
        probability: the share of the requests that are struck, clamped to 0 .. 1.
        latency_ms: the delay, or the mean of its distribution.
        jitter_ms: half the width of ``uniform``, the standard deviation of ``normal``.
        start_after: seconds until the first request is struck.
        duration: seconds of the incident from then on.
        flap: seconds of each phase, if the incident strikes and rests in turn.
        ttl: the most seconds from the start to the end, whatever the other members say.
    """

    mode: str = "status_spike_503"
    probability: float = 0.5
    latency_ms: int | float = 2_000
    seed: ChaosSeed | None = None
    distribution: Annotated[str, Meta(extra_json_schema={"enum": list(DISTRIBUTIONS)})] = "fixed"
    jitter_ms: Jitter = 0
    start_after: IncidentSeconds = 0.0
    duration: PhaseSeconds | None = None
    flap: PhaseSeconds | None = None
    ttl: PhaseSeconds | None = None

    @property
    def end(self) -> float | None:
        """Seconds from the start to the end; None for an incident that only a stop ends."""
        ends = [self.ttl] if self.ttl is not None else []
        if self.duration is not None:
            ends.append(self.start_after + self.duration)
        return min(ends, default=None)

    def strikes_at(self, elapsed: float) -> bool:
        """Return True if requests so many seconds after the start may be struck."""
        elapsed -= self.start_after
        if elapsed < 0:
            return False
        return self.flap is None or int(elapsed / self.flap) % 2 == 0


_MESSAGES = {
    "probability": "probability must be a number",
    "latency_ms": "latency_ms must be a number",
    "seed": "seed must be an integer",
}


def read_incident(
    given: Document, *, seed: int, check_fail: Callable[[str], object]
) -> IncidentRequest:
    """Read the document that starts an incident.

    Args:
        seed: the seed of an incident that has none of its own.
        check_fail: raises ValueError for a failure mode that can't be an answer.

    Raises:
        Problem: 400, with the field and its value.
    """
    asked = convert(given, IncidentRequest, CODE, _MESSAGES)
    asked.probability = min(1.0, max(0.0, asked.probability))
    asked.latency_ms = min(MAX_LATENCY_MS, max(0, asked.latency_ms))
    asked.seed = seed if asked.seed is None else asked.seed
    if asked.distribution not in DISTRIBUTIONS:
        rule = f"distribution must be one of {', '.join(DISTRIBUTIONS)}"
        raise Problem(400, CODE, f"{rule}, and distribution is {show(asked.distribution)}")
    if asked.mode.lower() in BUILT_IN:
        asked.mode = asked.mode.lower()
        return asked
    try:
        check_fail(asked.mode)
    except ValueError as error:
        rule = "mode must be status_spike_503, fixed_latency, body_drop, or a failure mode"
        raise Problem(400, CODE, f"{rule}, and mode is {show(asked.mode)}: {error}") from None
    return asked
