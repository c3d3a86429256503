"""Counts of a load's answers, failures and connections."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum

from hamms_trio.load.counts.latency import Latencies


class Failure(StrEnum):
    """The reasons why a request has no answer. Their names stand in the result."""

    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_FAILED = "connect_failed"  # no route, or no port or descriptor left on this machine
    TLS = "tls_failed"
    RESET = "reset"
    CLOSED = "closed"  # the connection was closed before the first octet of the answer
    TRUNCATED = "truncated"  # the connection was closed within the answer
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    UNFINISHED = "unfinished"  # the load and its wait for late answers were over


CONNECTING = frozenset(
    (Failure.CONNECT_REFUSED, Failure.CONNECT_TIMEOUT, Failure.CONNECT_FAILED, Failure.TLS)
)
# Failures of requests that waited in vain. Without their latencies the server would look too fast.
WAITED = frozenset((Failure.CONNECT_TIMEOUT, Failure.TIMEOUT, Failure.UNFINISHED))


class ConnectionCounts:
    """Counts of connections, the warm-up included.

    Attributes:
        opened: connections that were established.
        failed: connections that could not be established.
        reopened: connections of a client that would have kept its former one.
        closed_idle: connections that the server closed or reset while no request was unanswered.
        surplus: connections that the client closed, because of octets that belong to no response.
        resent: requests that were sent again, because the server closed the connection after an earlier
            response, as it may (RFC 9112 §9.6).
    """

    __slots__ = ("closed_idle", "failed", "opened", "reopened", "resent", "surplus")

    def __init__(self) -> None:
        self.opened = self.failed = self.reopened = 0
        self.closed_idle = self.surplus = self.resent = 0

    def include(self, other: ConnectionCounts) -> None:
        """Add the counts of another load."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Tally:
    """All counts of one load.

    Attributes:
        counted_from: requests with an earlier intended start belong to the warm-up and don't count.
        latencies: from the intended start of each request that was answered or waited in vain.
        service: the same latencies from the moment when a client took the request; None without a rate,
            because they would be equal.
    """

    __slots__ = (
        "answered",
        "connections",
        "counted_from",
        "details",
        "failures",
        "interim",
        "latencies",
        "octets_received",
        "octets_sent",
        "service",
        "statuses",
    )

    def __init__(self, counted_from: float, *, with_service: bool) -> None:
        self.counted_from = counted_from
        self.latencies = Latencies()
        self.service = Latencies() if with_service else None
        self.answered = 0
        self.statuses: defaultdict[int, int] = defaultdict(int)
        self.failures: defaultdict[Failure, int] = defaultdict(int)
        self.details: dict[Failure, str] = {}
        self.connections = ConnectionCounts()
        self.interim = 0
        self.octets_sent = 0
        self.octets_received = 0

    def note_answer(self, status: int, intended: float, taken: float, now: float) -> None:
        """Count an answer."""
        if intended >= self.counted_from:
            self.answered += 1
            self.statuses[status] += 1
            self.latencies.add(now - intended)
            if self.service is not None:
                self.service.add(now - taken)

    def note_failure(self, failure: Failure, intended: float, taken: float, now: float) -> None:
        """Count a request that failed."""
        if intended < self.counted_from:
            return
        self.failures[failure] += 1
        if failure in WAITED:
            self.latencies.add(now - intended)
            if self.service is not None:
                self.service.add(now - taken)

    def note_left_over(self, intended: float, count: int, now: float) -> None:
        """Count requests that no client ever took, all with about the same intended start."""
        if intended >= self.counted_from:
            self.failures[Failure.UNFINISHED] += count
            self.latencies.add(now - intended, count)

    def note_detail(self, failure: Failure, detail: str) -> None:
        """Keep the first explanation of each kind of failure."""
        self.details.setdefault(failure, detail)

    def include(self, other: Tally) -> None:
        """Add the counts of another load."""
        self.latencies.include(other.latencies)
        if self.service is not None and other.service is not None:
            self.service.include(other.service)
        for status, count in other.statuses.items():
            self.statuses[status] += count
        for failure, count in other.failures.items():
            self.failures[failure] += count
        for failure, detail in other.details.items():
            self.note_detail(failure, detail)
        self.connections.include(other.connections)
        for name in ("answered", "interim", "octets_sent", "octets_received"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def failed(self) -> int:
        """Requests without an answer."""
        return sum(self.failures.values())

    @property
    def errors(self) -> int:
        """Requests without an answer, and answers whose status is an error."""
        return self.failed + sum(n for status, n in self.statuses.items() if status >= 400)
