"""What was answered: counted for the metrics and written to the access log, some hundreds at a time.

An answer costs the connection one tuple in a list; everything else is done here, for a whole batch,
because then it takes a fraction of the time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterable
from itertools import chain
from typing import NamedTuple, Protocol

from hamms_trio.http.routing import Match

BATCH = 256  # answers that wait to be counted, at most
FEW = 256  # samples, which take no time to be put in order
RANKED_SECONDS = 0.2
SAMPLES = 4096  # latencies of a route that are remembered, for its percentiles
ERROR_CLASSES = ("read", "write", "parse", "dispatch", "tls_handshake")
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)  # seconds


class Talk(Protocol):
    """The connection that an answer was given on (see `answers.Answers`)."""

    id: int
    client: tuple[str, int]


class Entry(NamedTuple):
    """One answer, or more in a row to equal requests on one connection that differ in nothing but their number.

    Made as a bare tuple where it matters, which takes a third of the time.
    """

    begun: float
    ended: float
    match: Match
    status: int
    octets_in: int
    octets_out: int
    talk: Talk
    number: int  # of the request on its connection, or of the first
    request_id: bytes
    times: int


AnyEntry = Entry | tuple[float, float, Match, int, int, int, Talk, int, bytes, int]


class Ranking:
    """Samples in order. Many are put in order only now and then: it takes long, and others wait."""

    __slots__ = ("_count", "_ordered", "_since")

    def __init__(self) -> None:
        self._ordered: list[float] = []
        self._count = 0
        self._since = 0.0

    def of(self, samples: Iterable[float], count: int, now: float) -> list[float]:
        """The samples in order, as of at most `RANKED_SECONDS` ago; ``count`` changes whenever they do."""
        is_due = len(self._ordered) < FEW or not 0 <= now - self._since < RANKED_SECONDS
        if count != self._count and is_due:
            self._ordered, self._count, self._since = sorted(samples), count, now
        return self._ordered


class RouteAccount:
    """The answers of one route."""

    __slots__ = ("_ranking", "buckets", "requests", "samples", "seconds", "statuses")

    def __init__(self) -> None:
        self.requests = 0
        self.seconds = 0.0
        self.statuses: Counter[int] = Counter()
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.samples: deque[float] = deque(maxlen=SAMPLES)
        self._ranking = Ranking()

    def percentiles(self, *wanted: int, now: float) -> dict[str, float]:
        """Interpolated between the latest latencies, in milliseconds."""
        ordered = self._ranking.of(self.samples, self.requests, now)
        return {f"p{percent}": percentile(ordered, percent) * 1000 for percent in wanted}


class Account:
    """Counters of one server. Their number is bounded by that of its routes."""

    def __init__(self) -> None:
        self.entries: list[AnyEntry] = []
        self._write: Callable[[list[AnyEntry]], None] | None = None
        self.routes: dict[str, RouteAccount] = {}
        self.octets_sent = 0
        self.reused = 0
        self.errors: Counter[str] = Counter()  # by class, but for those below
        self.read_errors: Counter[str] = Counter()  # by type
        self.write_errors: Counter[str] = Counter()
        self.last_request_id = b""
        self.on_note: Callable[[], None] = lambda: None  # called by `note`
        self.in_runs = 0  # of the answers that wait to be counted, those that share an entry
        self._ranking = Ranking()  # of all routes

    @property
    def errors_by_class(self) -> dict[str, int]:
        """Of connections that broke too, which are counted by type."""
        broken = {"read": self.read_errors.total(), "write": self.write_errors.total()}
        return {name: self.errors[name] + broken.get(name, 0) for name in ERROR_CLASSES}

    def overall_percentile(self, percent: float, *, now: float) -> float:
        """Of all routes' latest latencies, in seconds."""
        routes = self.routes.values()
        count = sum(route.requests for route in routes)
        samples = chain.from_iterable(route.samples for route in routes)
        return percentile(self._ranking.of(samples, count, now), percent)

    def log_to(self, write: Callable[[list[AnyEntry]], None]) -> None:
        """Have each batch of entries written to the access log."""
        self._write = write

    def note_handshake_failure(self, _reason: str) -> None:
        self.errors["tls_handshake"] += 1

    def note(self, entry: AnyEntry) -> None:
        """Enter an answer; those that are in a hurry do so themselves."""
        self.entries.append(entry)
        if len(self.entries) > BATCH:
            self.settle()
        else:
            self.on_note()

    def settle(self) -> None:
        """Count and log what was answered since this was last called."""
        entries = self.entries
        if not entries:
            return
        groups: dict[tuple[str, int], list[float]] = {}
        octets = reused = 0
        last: tuple[Match | None, int] = None, 0
        group: list[float] = []
        for begun, ended, match, status, _, octets_out, _, number, _, times in entries:
            if match is not last[0] or status != last[1]:
                last = match, status
                group = groups.setdefault((match.route.key, status), [])
            if times == 1:
                group.append(ended - begun)
                octets += octets_out
            else:
                group += [ended - begun] * times
                octets += octets_out * times
            reused += times if number > 1 else times - 1
        for (route, status), seconds in groups.items():
            self._count(route, status, seconds)
        self.octets_sent += octets
        self.reused += reused
        self.last_request_id = entries[-1][8]
        self.in_runs = 0
        if self._write is not None:
            self._write(entries)
        entries.clear()

    def _count(self, key: str, status: int, seconds: list[float]) -> None:
        route = self.routes.get(key)
        if route is None:
            route = self.routes[key] = RouteAccount()
        route.requests += len(seconds)
        route.statuses[status] += len(seconds)
        route.seconds += sum(seconds)
        route.samples += seconds
        slow = [second for second in seconds if second > BOUNDS[0]]
        route.buckets[0] += len(seconds) - len(slow)
        for second in slow:
            route.buckets[bisect_left(BOUNDS, second)] += 1


def percentile(ordered: list[float], percent: float) -> float:
    """Interpolated between the nearest ranks; 0 of nothing."""
    if not ordered:
        return 0.0
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
