"""The effect of an incident on one request: a pure function of the incident and the request's index."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hamms_trio.workbench.incidents.model import IncidentRequest

MAX_LATENCY_MS = 10_000  # the reference's; greater values are cut


class Kind(Enum):
    """The kinds of an effect, with the reference's names of their modes."""

    STATUS = "status_spike_503"
    LATENCY = "fixed_latency"
    DROP = "body_drop"
    FAIL = "a failure mode"


BUILT_IN = {kind.value: kind for kind in (Kind.STATUS, Kind.LATENCY, Kind.DROP)}


@dataclass(frozen=True, slots=True)
class Effect:
    """The fault that one request meets.

    Attributes:
        seconds: the delay.
        fail: the failure mode that answers.
    """

    kind: Kind
    seconds: float = 0.0
    fail: str = ""


def effect_on(asked: IncidentRequest, index: int) -> Effect | None:
    """Return the effect on the request at ``index``, counted from 0; None if the request is spared.

    The first number of ``Random(seed + index)`` decides, as in scenarios; the next one gives the delay.
    """
    assert asked.seed is not None
    random = Random(asked.seed + index)
    if random.random() > asked.probability or not asked.probability:
        return None
    kind = BUILT_IN.get(asked.mode, Kind.FAIL)
    if kind is Kind.LATENCY:
        return Effect(kind, _latency_ms(asked, random) / 1000)
    return Effect(kind, fail=asked.mode if kind is Kind.FAIL else "")


def _latency_ms(asked: IncidentRequest, random: Random) -> float:
    latency = asked.latency_ms
    if asked.distribution == "uniform":
        latency = random.uniform(latency - asked.jitter_ms, latency + asked.jitter_ms)
    elif asked.distribution == "normal":
        latency = random.gauss(latency, asked.jitter_ms)
    return min(MAX_LATENCY_MS, max(0.0, latency))
