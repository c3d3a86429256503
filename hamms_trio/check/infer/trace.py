"""The trace of one cell: the few facts that inferences rest on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hamms_trio.check.grading.facts import Facts

ONE_ATTEMPT = 1.5  # of the timeout: the most that one attempt takes


@dataclass(frozen=True, slots=True)
class Trace:
    """A summary of one cell.

    Attributes:
        ended: True if the client reported success or failure by itself.
        ok: True if the last answer was a success.
        seconds: how long the client took.
        last: how long its last attempt took, or would have taken with the timeout of the run.
        attempts: how many requests were read, or connections accepted where none was.
        again: how many of them the client sent of its own accord.
        gaps: seconds between each request and the one before it.
        methods: of the requests.
        connections: how many connections carried them.
        fields: the header section of the first request.
        timeout: the one that the client was given, or None.
        octets: of body that were delivered.
    """

    slug: str
    ended: bool
    ok: bool
    seconds: float
    last: float
    attempts: int
    again: int
    gaps: tuple[float, ...]
    methods: tuple[str, ...]
    connections: int
    fields: tuple[tuple[str, str], ...]
    timeout: float | None
    octets: int

    @classmethod
    def of(cls, facts: Facts, patience: float = 1.0) -> Trace:
        """Summarise the facts of a cell, whose timeout was ``patience`` times that of the run."""
        times = [request.at for request in facts.requests]
        if not times:
            times = [connection.opened for connection in facts.connections]
        answers = facts.answers
        seconds = answers[-1].seconds if answers else facts.visit.seconds
        return cls(
            slug=facts.slug,
            ended=bool(answers) and not facts.is_capped,
            ok=bool(answers) and answers[-1].ok and answers[-1].status in (None, *range(200, 300)),
            seconds=seconds,
            last=_last(facts, seconds, times) / (patience if facts.has_timeout else 1.0),
            attempts=facts.attempts,
            again=max(0, facts.attempts - len(facts.calls)),
            gaps=tuple(later - sooner for sooner, later in pairwise(times)),
            methods=tuple(request.method for request in facts.requests),
            connections=len(facts.connections),
            fields=facts.requests[0].fields if facts.requests else (),
            timeout=facts.timeout if facts.has_timeout else None,
            octets=answers[-1].octets if answers else 0,
        )

    def field(self, name: str) -> str | None:
        """Return the value of a field of the first request."""
        return next((value for own, value in self.fields if own.lower() == name), None)


def _last(facts: Facts, seconds: float, times: list[float]) -> float:
    """Return the time of the last attempt; where nobody sees them, a late client has made all of its attempts."""
    if times and facts.tries > 1:
        return seconds - (times[-1] - times[0])
    is_in_time = not facts.has_timeout or seconds < ONE_ATTEMPT * facts.timeout
    return seconds if is_in_time else (seconds - facts.waits) / facts.tries
