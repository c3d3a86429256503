"""Expectations: the behaviour that a correct client owes when it meets a failure mode, and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial


class Outcome(Enum):
    """Each value completes the sentence "a correct client ..."."""

    ERROR = "reports an error"
    EXACT = "succeeds, with exactly what was sent"
    ERROR_OR_EXACT = "reports an error or delivers exactly what was meant, and nothing else"
    TIMEOUT = "is bounded by its own timeout"
    BOUNDED = "stays within bounds of time and memory"
    RETRY = "may retry, within limits"
    POLICY = "does what its documentation says"


class Level(Enum):
    """How strongly the source demands the outcome (RFC 2119), or that only quality does."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    QUALITY = "quality"


class Reuse(Enum):
    """Each value completes the sentence "the connection ... for another request"."""

    ANY = "may be used"
    FORBIDDEN = "must not be used"
    REQUIRED = "has to be used"


@dataclass(frozen=True, slots=True)
class Expectation:
    """An outcome and its source, such as ``RFC 9112 §8``.

    Attributes:
        attempts: how often a request may be sent at most, by its method, where that is limited.
    """

    outcome: Outcome
    source: str
    level: Level = Level.MUST
    attempts: Mapping[str, int] = field(default_factory=dict, hash=False)
    reuse: Reuse = Reuse.ANY

    def __str__(self) -> str:
        return f"{self.outcome.value} ({self.source})"


# Each takes the source, then level, attempts and reuse by keyword.
must_error = partial(Expectation, Outcome.ERROR)
must_succeed = partial(Expectation, Outcome.EXACT)
must_error_or_succeed = partial(Expectation, Outcome.ERROR_OR_EXACT)
must_time_out = partial(Expectation, Outcome.TIMEOUT)
must_stay_bounded = partial(Expectation, Outcome.BOUNDED)
may_retry = partial(Expectation, Outcome.RETRY)
may_choose = partial(Expectation, Outcome.POLICY)
