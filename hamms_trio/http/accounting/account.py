"""The account of answers, which counts them for the metrics and writes them to the access log in batches.

An answer costs its connection one tuple in a list; all further work happens here for a whole batch, which takes
a fraction of the time. A batch is small, since other clients wait while it is logged.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Mapping
from itertools import chain, pairwise
from typing import Protocol

from hamms_trio.http.routes.match import Match
from hamms_trio.recording.recorder import Recorder, Watch
from hamms_trio.wire import RequestHead

UNLOGGED_ANSWERS = 64  # the limit of answers that are not logged yet
COUNTED_IN_ONE_GO = 512  # the limit of latencies that are not counted yet
MAX_NOTES = 1_000  # of answers that are not logged yet
SAMPLES = 1024  # the latest latencies of a route, for its percentiles
ERROR_CLASSES = ("read", "write", "parse", "dispatch", "tls_handshake")
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)  # seconds


class AnsweringConnection(Protocol):
    """The connection of an answer (see `exchange.answers.Answers`)."""

    id: int
    client: tuple[str, int]
    watch: Watch | Recorder | None


# One answer: begun, ended, match, status, octets in, octets out, connection, number of the request on the
# connection, and the request's id. A bare tuple, since a named one takes three times as long, for each request.
UnloggedAnswer = tuple[float, float, Match, int, int, int, AnsweringConnection, int, bytes]


class RouteAccount:
    """The answers of one route."""

    __slots__ = ("buckets", "requests", "samples", "seconds", "statuses")

    def __init__(self) -> None:
        self.requests = 0
        self.seconds = 0.0
        self.statuses: Counter[int] = Counter()
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.samples: deque[float] = deque(maxlen=SAMPLES)

    def add(self, status: int, seconds: list[float], counts: list[int]) -> None:
        """Add the latencies of answers with one status, and their numbers by `BOUNDS`."""
        self.requests += len(seconds)
        self.statuses[status] += len(seconds)
        self.seconds += sum(seconds)
        self.samples += seconds
        self.buckets = [before + more for before, more in zip(self.buckets, counts, strict=True)]

    def percentiles(self, *wanted: int) -> dict[str, float]:
        """Return percentiles of the latest latencies, in milliseconds."""
        ordered = sorted(self.samples)
        return {f"p{percent}": percentile(ordered, percent) * 1000 for percent in wanted}


class Account:
    """The counters of one server; their number is bounded by the number of routes.

    Attributes:
        on_first: the callback for the first answer after `settle`, to schedule the next `settle`.
        is_counted: False for a head with our page's mark if the answer to it is only logged.
        notes: members for the access log, by an answer's request id and client; None while nobody logs them.
    """

    def __init__(self) -> None:
        self._entries: list[UnloggedAnswer] = []
        self._observers: list[Callable[[list[UnloggedAnswer]], None]] = []
        self._flushes: list[Callable[[], None]] = []
        self._counters: list[Callable[[str, int, list[int], float], None]] = []
        self._latencies: dict[tuple[str, int], list[float]] = {}  # by route and status
        self._uncounted = 0
        self._latest = 0.0  # the time of the last answer
        self.on_first: Callable[[], None] = lambda: None
        self.is_counted: Callable[[RequestHead], bool] = lambda _head: True
        self.notes: dict[tuple[bytes, tuple[str, int]], Mapping[str, object]] | None = None
        self.routes: dict[str, RouteAccount] = {}
        self.octets_sent = 0
        self.reused = 0
        self.last_request_id = b""
        self.errors: Counter[str] = Counter()  # by class, without those below
        self.read_errors: Counter[str] = Counter()  # by type
        self.write_errors: Counter[str] = Counter()

    @property
    def errors_by_class(self) -> dict[str, int]:
        """The errors by class, those of broken connections included."""
        broken = {"read": self.read_errors.total(), "write": self.write_errors.total()}
        return {name: self.errors[name] + broken.get(name, 0) for name in ERROR_CLASSES}

    def overall_percentile(self, percent: float) -> float:
        """Return a percentile of all routes' latest latencies, in seconds."""
        samples = chain.from_iterable(route.samples for route in self.routes.values())
        return percentile(sorted(samples), percent)

    def log_to(
        self, write: Callable[[list[UnloggedAnswer]], None], flush: Callable[[], None] | None = None
    ) -> None:
        """Pass each batch of entries on, such as to the access log or to the history.

        Args:
            flush: called by `settle`, for an observer that collects several batches.
        """
        self._observers.append(write)
        if flush is not None:
            self._flushes.append(flush)

    def count_to(self, note: Callable[[str, int, list[int], float], None]) -> None:
        """Pass all counts on: the route's key, the status, the answers by latency, and the time of the last.

        The latencies are those of `BOUNDS`, and those above the last.
        """
        self._counters.append(note)

    def annotate(
        self, request_id: bytes, client: tuple[str, int], notes: Mapping[str, object]
    ) -> None:
        """Add members to the access log's line of an answer that is still to come."""
        if self.notes is not None and len(self.notes) < MAX_NOTES:
            self.notes[request_id, client] = notes

    def note_handshake_failure(self, _reason: str) -> None:
        """Count a failed TLS handshake."""
        self.errors["tls_handshake"] += 1

    @property
    def pending(self) -> int:
        """Answers that are not counted yet."""
        return len(self._entries)

    def note(self, entry: UnloggedAnswer) -> None:
        """Enter an answer."""
        entries = self._entries
        if not entries:
            self.on_first()
        entries.append(entry)
        if len(entries) >= UNLOGGED_ANSWERS:
            self._log_batch()

    def settle(self) -> None:
        """Count and log the answers since the last call."""
        self._log_batch()
        self._count()
        for flush in self._flushes:
            flush()

    def _log_batch(self) -> None:
        entries, latencies = self._entries, self._latencies
        if not entries:
            return
        is_counted = self.is_counted
        octets = reused = 0
        for begun, ended, match, status, _, octets_out, _, number, _ in entries:
            head, route = match.head, match.route
            if route.is_counted and (head.page_mark is None or is_counted(head)):
                latencies.setdefault((route.key, status), []).append(ended - begun)
                octets += octets_out
                reused += number > 1
        self.octets_sent += octets
        self.reused += reused
        self._latest, self.last_request_id = entries[-1][1], entries[-1][8]
        self._uncounted += len(entries)
        if self._uncounted >= COUNTED_IN_ONE_GO:
            self._count()
        for write in self._observers:
            write(entries)
        entries.clear()

    def _count(self) -> None:
        for (key, status), seconds in self._latencies.items():
            counts = count_by_latency(seconds)
            self.routes.setdefault(key, RouteAccount()).add(status, seconds, counts)
            for note in self._counters:
                note(key, status, counts, self._latest)
        self._latencies.clear()
        self._uncounted = 0


def count_by_latency(seconds: list[float]) -> list[int]:
    """Return the number of latencies up to each of `BOUNDS`, from the bound before, and of those above the last."""
    ordered = sorted(seconds)
    ends = [*(bisect_right(ordered, bound) for bound in BOUNDS), len(ordered)]
    return [end - begin for begin, end in pairwise((0, *ends))]


def percentile(ordered: list[float], percent: float) -> float:
    """Interpolate between the nearest ranks; return 0 for no samples."""
    if not ordered:
        return 0.0
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
