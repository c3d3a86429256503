"""Trends: minutes, percentiles and windows."""

from __future__ import annotations

from typing import Any

import pytest

from hamms_trio.recording.store import open_store
from hamms_trio.workbench.live.trends import Trends, percentile, window_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 86_400), ("", 86_400), ("x", 86_400), ("-5", 86_400), ("5w", 86_400), ("9" * 99, 86_400),
        ("90", 90), ("90s", 90), ("1", 60), ("0m", 60), ("15m", 900), ("2h", 7_200), ("7d", 604_800),
        ("999999999d", 366 * 86_400),
    ],
)  # fmt: skip
def test_a_window_is_read_as_the_reference_does(text: str | None, seconds: int) -> None:
    assert window_seconds(text) == seconds


async def test_the_document_has_the_shape_of_the_reference() -> None:
    now = 1_000_020.0
    async with open_store() as store:
        trends = Trends(store, wall_clock=lambda: now)
        trends.note("GET /", 200, [0.001, 0.005, 0.006], 999_950.0)
        trends.note("GET /", 404, [0.001], now)
        trends.note("GET /b", 503, [9.0], now)
        document: Any = await trends.document("15m", "GET /")
        everything: Any = await trends.document(None, None)

    assert (document["window"], document["window_seconds"], document["route"]) == (
        "15m",
        900,
        "GET /",
    )
    assert [p["bucket_start"] for p in document["points"]] == [999_900, 1_000_020 // 60 * 60]
    assert document["points"][0]["latency_buckets"] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert document["summary"] == {
        "request_count": 4,
        "status_4xx": 1,
        "status_5xx": 0,
        "p50": 5.0,
        "p95": 10.0,
        "p99": 10.0,
        "error_rate": 25.0,
        "latency_buckets": [3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    }
    assert everything["summary"]["request_count"] == 5
    assert everything["summary"]["p99"] == 5001.0


async def test_routes_beyond_the_bound_are_counted_together() -> None:
    async with open_store() as store:
        trends = Trends(store, wall_clock=lambda: 60.0)
        for number in range(1_200):
            trends.note(f"GET /{number}", 200, [0.001], 60.0)
        document: Any = await trends.document("1m", "other")
        assert document["summary"]["request_count"] > 100


async def test_old_minutes_are_deleted() -> None:
    async with open_store() as store:
        trends = Trends(store, retention_days=1, wall_clock=lambda: 200_000.0)
        trends.note("a", 200, [0.1], 60.0)
        trends.note("a", 200, [0.1], 190_000.0)
        trends.flush()
        await trends.prune()
        assert len(await store.trends("a", 0)) == 1


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert percentile([0] * 11, 99) == 0.0
