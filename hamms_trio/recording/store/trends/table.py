"""The table of trends: one row for each minute and route, in the shape of the reference's metrics file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from hamms_trio.recording.store.seam import TREND_BUCKETS, TrendRow

_BUCKETS = [f"lat_bucket_{number}" for number in range(TREND_BUCKETS)]
_COUNTS = ["request_count", "status_4xx", "status_5xx", *_BUCKETS]
_ADD = (
    f"INSERT INTO metric_trends (bucket_start, route_key, {', '.join(_COUNTS)}) "
    f"VALUES ({', '.join('?' * (2 + len(_COUNTS)))}) ON CONFLICT (bucket_start, route_key) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in _COUNTS)
)


def add(connection: sqlite3.Connection, rows: Sequence[TrendRow]) -> None:
    """Add counts to those of the same minute and route."""
    connection.executemany(
        _ADD,
        [
            (r.bucket_start, r.route_key, r.request_count, r.status_4xx, r.status_5xx, *r.buckets)
            for r in rows
        ],
    )


def select(connection: sqlite3.Connection, route_key: str, since: int) -> list[TrendRow]:
    """Return the rows of one route from ``since`` on, in seconds since the epoch."""
    found = connection.execute(
        f"SELECT bucket_start, route_key, {', '.join(_COUNTS)} FROM metric_trends "
        "WHERE route_key = ? AND bucket_start >= ? ORDER BY bucket_start",
        (route_key, since),
    )
    return [
        TrendRow(start, key, requests, status_4xx, status_5xx, tuple(buckets))
        for start, key, requests, status_4xx, status_5xx, *buckets in found
    ]


def prune(connection: sqlite3.Connection, before: int) -> None:
    connection.execute("DELETE FROM metric_trends WHERE bucket_start < ?", (before,))
