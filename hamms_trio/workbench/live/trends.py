"""Trends: requests, errors and latencies of each route, minute by minute, kept over restarts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence

from hamms_trio.http.accounting.account import BOUNDS
from hamms_trio.recording.store import TrendRow, TrendStore
from hamms_trio.recording.store.seam import TREND_BUCKETS
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.times import timestamp

ALL_ROUTES = "__all__"
BOUNDS_MS = tuple(bound * 1000.0 for bound in BOUNDS)
ABOVE_MS = BOUNDS_MS[-1] + 1  # the percentile of a latency above the last bound
MINUTE = 60
DEFAULT_WINDOW = 24 * 60 * 60
MAX_WINDOW = 366 * 24 * 60 * 60
MAX_ROUTES = 1_000  # between two flushes; further ones count as "other"
RETENTION_DAYS = 30

_WINDOW = re.compile(r"([0-9]{1,9})([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Trends:
    """The counts of requests, collected in memory and flushed to the store.

    Args:
        backend: the name of the store, which the API shows.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        store: TrendStore,
        *,
        retention_days: int = RETENTION_DAYS,
        backend: str = "sqlite",
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._retention = max(1, retention_days) * 86_400
        self.backend = backend
        self._wall_clock = wall_clock
        self._minutes: dict[tuple[int, str], list[int]] = {}

    def note(self, route_key: str, status: int, counts: Sequence[int], at: float) -> None:
        """Count requests of one route and status, by latency, that were answered at about the same time."""
        start = int(at) // MINUTE * MINUTE
        if len(self._minutes) > MAX_ROUTES and (start, route_key) not in self._minutes:
            route_key = "other"
        number = sum(counts)
        kind = status // 100
        row = [number, number if kind == 4 else 0, number if kind == 5 else 0, *counts]
        for key in (route_key, ALL_ROUTES):
            known = self._minutes.get((start, key))
            self._minutes[start, key] = (
                row if known is None else [a + b for a, b in zip(known, row, strict=True)]
            )

    def flush(self) -> None:
        """Write the collected counts to the store."""
        minutes, self._minutes = self._minutes, {}
        self._store.note_trends(
            [
                TrendRow(start, key, row[0], row[1], row[2], tuple(row[3:]))
                for (start, key), row in minutes.items()
            ]
        )

    async def prune(self) -> None:
        """Delete the minutes beyond the retention."""
        await self._store.prune_trends(int(self._wall_clock()) - self._retention)

    async def document(self, window: str | None, route: str | None) -> Document:
        """Return the points of one route in a window, and their sum."""
        route, seconds = route or ALL_ROUTES, window_seconds(window)
        self.flush()
        now = self._wall_clock()
        rows = await self._store.trends(route, int(now) - seconds)
        summary = point(rows, 0, route)
        for name in ("bucket_start", "route_key", *(() if rows else ("latency_buckets",))):
            del summary[name]
        return {
            "backend": self.backend,
            "window": window or "24h",
            "window_seconds": seconds,
            "route": route,
            "generated_at": timestamp(int(now * 1000)),
            "points": [point([row], row.bucket_start, route) for row in rows],
            "summary": summary,
        }


def window_seconds(text: str | None) -> int:
    """Read a window such as ``15m``: a minute to 366 days; a day for other text."""
    found = _WINDOW.fullmatch(text or "")
    if found is None:
        return DEFAULT_WINDOW
    return min(MAX_WINDOW, max(MINUTE, int(found[1]) * _SECONDS[found[2]]))


def point(rows: Iterable[TrendRow], start: int, route: str) -> Document:
    """Return the sum of some rows as the API shows it."""
    requests = client_errors = server_errors = 0
    buckets = [0] * TREND_BUCKETS
    for row in rows:
        requests += row.request_count
        client_errors += row.status_4xx
        server_errors += row.status_5xx
        buckets = [one + more for one, more in zip(buckets, row.buckets, strict=True)]
    errors = (client_errors + server_errors) / requests * 100 if requests else 0.0
    return {
        "bucket_start": start,
        "route_key": route,
        "request_count": requests,
        "status_4xx": client_errors,
        "status_5xx": server_errors,
        **{f"p{percent}": percentile(buckets, percent) for percent in (50, 95, 99)},
        "error_rate": round(errors, 4),
        "latency_buckets": buckets,
    }


def percentile(buckets: Sequence[int], percent: int) -> float:
    """Return the upper bound, in milliseconds, of the bucket that holds the percentile; 0 without requests."""
    total, seen = sum(buckets), 0
    if not total:
        return 0.0
    for bound, count in zip((*BOUNDS_MS, ABOVE_MS), buckets, strict=True):
        seen += count
        if seen * 100 >= total * percent:
            return bound
    return ABOVE_MS
