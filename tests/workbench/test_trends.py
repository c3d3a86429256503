"""Trends: minutes, percentiles and windows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from hamms_trio.errors import StateUnusable
from hamms_trio.http.accounting.account import count_by_latency
from hamms_trio.recording.store import TrendRow, open_store
from hamms_trio.recording.store.trends.file import connect
from hamms_trio.recording.store.trends.memory import TrendMemory
from hamms_trio.workbench import WorkbenchOptions, open_workbench
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
        trends.note("GET /", 200, count_by_latency([0.001, 0.005, 0.006]), 999_950.0)
        trends.note("GET /", 404, count_by_latency([0.001]), now)
        trends.note("GET /b", 503, count_by_latency([9.0]), now)
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
            trends.note(f"GET /{number}", 200, count_by_latency([0.001]), 60.0)
        document: Any = await trends.document("1m", "other")
        assert document["summary"]["request_count"] > 100


async def test_old_minutes_are_deleted() -> None:
    async with open_store() as store:
        trends = Trends(store, retention_days=1, wall_clock=lambda: 200_000.0)
        trends.note("a", 200, count_by_latency([0.1]), 60.0)
        trends.note("a", 200, count_by_latency([0.1]), 190_000.0)
        trends.flush()
        await trends.prune()
        assert len(await store.trends("a", 0)) == 1


def test_the_percentile_of_no_latencies_is_zero() -> None:
    assert percentile([0] * 11, 99) == 0.0


async def counted(options: WorkbenchOptions, requests: int) -> dict[str, Any]:
    """Make requests to a workbench, and return its trends of them."""
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            for _ in range(requests):
                await client.get("/")
            document = (await client.get("/api/metrics/trends?route=GET /")).json()
            metrics = (await client.get("/_metrics")).json()
    assert metrics["metrics_backend"] == document["backend"]
    return {"backend": document["backend"], "count": document["summary"]["request_count"]}


async def test_trends_in_a_file_of_their_own_survive_a_restart(tmp_path: Path) -> None:
    options = WorkbenchOptions(trends_file=tmp_path / "metrics.sqlite3")
    await counted(options, 2)
    assert await counted(options, 1) == {"backend": "sqlite", "count": 3}


async def test_trends_in_memory_end_with_the_server(tmp_path: Path) -> None:
    options = WorkbenchOptions(trends="memory", state=tmp_path / "state.sqlite3")
    await counted(options, 2)
    assert await counted(options, 1) == {"backend": "memory", "count": 1}


async def test_trends_in_memory_are_those_of_the_window() -> None:
    memory = TrendMemory()
    rows = [TrendRow(start, "a", 1, 0, 0, (1,) + (0,) * 10) for start in (120, 60, 60)]
    memory.note_trends(rows)
    assert [(row.bucket_start, row.request_count) for row in await memory.trends("a", 0)] == [
        (60, 2),
        (120, 1),
    ]
    await memory.prune_trends(120)
    assert [row.bucket_start for row in await memory.trends("a", 60)] == [120]
    assert await memory.trends("b", 0) == []


async def test_trends_are_written_by_themselves(tmp_path: Path) -> None:
    path = tmp_path / "metrics.sqlite3"
    options = WorkbenchOptions(trends_file=path, flush_seconds=0.01)
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            await client.get("/")
        with trio.fail_after(10), closing(sqlite3.connect(path)) as reader:
            while not reader.execute("SELECT count(*) FROM metric_trends").fetchone()[0]:
                await trio.lowlevel.checkpoint()


async def test_a_file_with_another_table_of_that_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE metric_trends (a)")
    with pytest.raises(StateUnusable, match="metrics file"):
        await counted(WorkbenchOptions(trends_file=path), 0)


async def test_the_references_metrics_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.sqlite3"
    with closing(connect(str(path))) as file:
        file.execute(
            f"INSERT INTO metric_trends VALUES (strftime('%s') / 60 * 60, 'GET /', 5{', 0' * 13})"
        )
    assert (await counted(WorkbenchOptions(trends_file=path), 1))["count"] == 6
