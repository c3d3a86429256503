"""What a correct client owes when it meets a failure mode, and where that is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """Each value completes the sentence "a correct client ..."."""

    ERROR = "reports an error"
    EXACT = "succeeds, with exactly what was sent"
    ERROR_OR_EXACT = "reports an error or delivers exactly what was meant, and nothing else"
    TIMEOUT = "is bounded by its own timeout"
    BOUNDED = "stays within bounds of time and memory"
    RETRY = "may retry, within limits"
    POLICY = "does what its documentation says"


@dataclass(frozen=True, slots=True)
class Expectation:
    """An outcome and its source, such as ``RFC 9112 §8``."""

    outcome: Outcome
    source: str

    def __str__(self) -> str:
        return f"{self.outcome.value} ({self.source})"


def must_error(source: str) -> Expectation:
    return Expectation(Outcome.ERROR, source)


def must_succeed(source: str) -> Expectation:
    return Expectation(Outcome.EXACT, source)


def must_error_or_succeed(source: str) -> Expectation:
    return Expectation(Outcome.ERROR_OR_EXACT, source)


def must_time_out(source: str) -> Expectation:
    return Expectation(Outcome.TIMEOUT, source)


def must_stay_bounded(source: str) -> Expectation:
    return Expectation(Outcome.BOUNDED, source)


def may_retry(source: str) -> Expectation:
    return Expectation(Outcome.RETRY, source)


def may_choose(source: str) -> Expectation:
    return Expectation(Outcome.POLICY, source)
