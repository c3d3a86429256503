"""Expectations: the behaviour that a correct client owes when it meets a failure mode, and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

# The limit for one request where no other holds; libraries' own defaults are lower.
MOST_ATTEMPTS = 10


class Outcome(Enum):
    """Each value completes the sentence "a correct client ..."."""

    ERROR = "reports an error"
    EXACT = "succeeds, with exactly what was sent"
    ERROR_OR_EXACT = "reports an error or delivers exactly what was meant, and nothing else"
    TIMEOUT = "is bounded by its own timeout"
    BOUNDED = "stays within bounds of time and memory"
    RETRY = f"reports an error, or sends the request again until it succeeds, {MOST_ATTEMPTS} times at most"
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
        attempts: how often a request with a method may be sent at most, where that is limited.
        owes: sentences about this mode alone that a user can check; where the reaction is a matter of policy, they
            replace the sentence that all such modes share.
    """

    outcome: Outcome
    source: str
    level: Level = Level.MUST
    attempts: Mapping[str, int] = field(default_factory=dict, hash=False)
    reuse: Reuse = Reuse.ANY
    owes: str = ""

    @property
    def sentences(self) -> list[str]:
        """The behaviour of a correct client, as sentences that a user can check."""
        is_shared = self.outcome is not Outcome.POLICY or not self.owes
        sentences = [_SENTENCES[self.outcome]] if is_shared else []
        if self.owes:
            sentences.append(self.owes)
        if self.attempts:
            times = " and ".join(
                f"{method} at most {_times(number)}" for method, number in self.attempts.items()
            )
            sentences.append(f"The ledger shows {times} for one call.")
        elif self.outcome is Outcome.RETRY:
            sentences.append(
                f"The ledger shows at most {MOST_ATTEMPTS} requests for one call, and their times."
            )
        if self.reuse is not Reuse.ANY:
            sentences.append(_REUSE[self.reuse])
        sentences.append(f"Source: {self.source} ({self.level.value}).")
        return sentences

    def __str__(self) -> str:
        return f"{self.outcome.value} ({self.source})"


_SENTENCES = {
    Outcome.ERROR: "The call fails with an error; no part of a body is taken for the whole.",
    Outcome.EXACT: "The call succeeds, and the body is, octet by octet, the one that was sent.",
    Outcome.ERROR_OR_EXACT: (
        "The call fails with an error, or its body is exactly the one that was meant; it is never another one."
    ),
    Outcome.TIMEOUT: (
        "With a timeout for the whole call, the call ends with an error once that has passed, however many octets "
        "have come by then."
    ),
    Outcome.BOUNDED: (
        "The call ends, or its limit ends it, before the process has taken more memory or time than that limit."
    ),
    Outcome.RETRY: (
        "The call fails with an error, or the request is sent again until one succeeds."
    ),
    Outcome.POLICY: "The client does what its own documentation says; no standard decides.",
}
_REUSE = {
    Reuse.FORBIDDEN: "The ledger shows the next request on another connection.",
    Reuse.REQUIRED: "The ledger shows the next request on the same connection.",
}


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


# Each takes the source, then level, attempts, reuse and owes by keyword.
must_error = partial(Expectation, Outcome.ERROR)
must_succeed = partial(Expectation, Outcome.EXACT)
must_error_or_succeed = partial(Expectation, Outcome.ERROR_OR_EXACT)
must_time_out = partial(Expectation, Outcome.TIMEOUT)
must_stay_bounded = partial(Expectation, Outcome.BOUNDED)
may_retry = partial(Expectation, Outcome.RETRY, level=Level.SHOULD)
may_choose = partial(Expectation, Outcome.POLICY, level=Level.QUALITY)
