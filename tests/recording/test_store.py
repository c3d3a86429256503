"""The store keeps what it was given, within its bounds, and over restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hamms_trio.recording.store import (
    HistoryBounds,
    HistoryQuery,
    Store,
    StoredFault,
    TrendRow,
    open_store,
)
from tests.recording.rows import ALL, Event, Row, paths

MINUTE = TrendRow(60, "GET /", 3, 1, 0, (1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("name", ["state.sqlite3", "new/folder/state.sqlite3", ":memory:"])
async def test_records_keep_the_order_in_which_they_were_put(tmp_path: Path, name: str) -> None:
    path = name if name == ":memory:" else tmp_path / name
    async with open_store(path) as store:
        await store.put("mock", "b", b"1")
        await store.put("mock", "a", b"2")
        await store.put("target", "a", b"3")
        await store.put("mock", "b", b"4")

        assert await store.records("mock") == [("b", b"4"), ("a", b"2")]
        await store.delete("mock", "b")
        assert await store.records("mock") == [("a", b"2")]
        assert await store.records("target") == [("a", b"3")]


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    async with open_store(path) as store:
        await store.put("mock", "a", b"{}")
        store.note_request(Row("/kept"))
        await store.count("replays", 2)
        await store.arm(StoredFault("f", "ok", "any", 1, 5_000))
        first = await store.reserve_events(10)
        store.note_event(Event(first, b"one"))
        store.note_event(Event(first + 1, b"two"))
        store.note_trends([MINUTE])

    async with open_store(path) as store:
        assert await store.records("mock") == [("a", b"{}")]
        assert await paths(store) == ["/kept"]
        assert await store.counters() == {"replays": 2}
        assert [fault.id for fault in await store.armed(0)] == ["f"]
        assert await store.events(0, 10) == [(1, b"one"), (2, b"two")]
        assert await store.trends("GET /", 0) == [MINUTE]
        assert await store.reserve_events(1) == 11


async def test_a_request_is_in_the_history_as_soon_as_it_was_noted() -> None:
    async with open_store() as store:
        for number in range(5):
            store.note_request(Row(f"/{number}"))
            assert len(await store.history(ALL)) == number + 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (HistoryQuery(limit=2), ["/a", "/b/1"]),
        (HistoryQuery(limit=2, beyond=2), ["/c", "/b/2"]),
        (HistoryQuery(limit=2, newest_first=True), ["/b/2", "/c"]),
        (HistoryQuery(limit=9, newest_first=True, beyond=3), ["/b/1", "/a"]),
        (HistoryQuery(limit=9, method="POST"), ["/c"]),
        (HistoryQuery(limit=9, path="/b"), ["/b/1", "/b/2"]),
        (HistoryQuery(limit=9, path="/B"), []),
        (HistoryQuery(limit=9, status=404), ["/b/2"]),
        (HistoryQuery(limit=9, from_ms=2, to_ms=3), ["/b/1", "/c"]),
        (HistoryQuery(limit=1, path="/b", beyond=2), ["/b/2"]),
    ],
)
async def test_a_page_has_only_records_that_match_its_filters(
    query: HistoryQuery, expected: list[str]
) -> None:
    rows = [
        Row("/a", at_ms=1),
        Row("/b/1", at_ms=2),
        Row("/c", method="POST", at_ms=3),
        Row("/b/2", status=404, at_ms=4),
    ]
    async with open_store() as store:
        for row in rows:
            store.note_request(row)

        assert await paths(store, query) == expected


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        (HistoryBounds(rows=2), ["/3", "/4"]),
        (HistoryBounds(octets=9), ["/3", "/4"]),  # each has four octets
        (HistoryBounds(octets=3), []),
        (HistoryBounds(seconds=60), []),  # they are of 1970
    ],
)
async def test_the_history_evicts_its_oldest_rows_beyond_each_bound(
    bounds: HistoryBounds, kept: list[str]
) -> None:
    async with open_store(bounds=bounds) as store:
        for number in range(5):
            store.note_request(Row(f"/{number}"))
            await store.history_size()  # so that each is a batch of its own

        assert await paths(store) == kept


async def test_a_page_ends_early_when_its_records_are_large() -> None:
    async with open_store() as store:
        for number in range(5):
            store.note_request(Row(f"/{number}", document=bytes(5_000_000)))

        assert await paths(store) == ["/0", "/1"]
        assert await paths(store, HistoryQuery(limit=9, beyond=4)) == ["/4"]


async def test_numbers_are_never_used_again_after_clearing() -> None:
    async with open_store() as store:
        store.note_request(Row("/a"))
        await store.clear_history()
        store.note_request(Row("/b"))

        assert [row.number for row in await store.history(ALL)] == [2]


async def test_the_newest_of_requests_with_one_id_is_found() -> None:
    async with open_store() as store:
        store.note_request(Row("/a", request_id="x"))
        store.note_request(Row("/b", request_id="x"))

        found = await store.history_row("x")
        assert found is not None
        assert found.path == "/b"
        assert await store.history_row("y") is None


async def test_an_armed_fault_strikes_as_often_as_it_was_armed_for() -> None:
    async with open_store() as store:
        await store.arm(StoredFault("f", "ok", "here", 2, 1_000))
        await store.arm(StoredFault("late", "ok", "here", 1, 10))

        struck = [await store.strike("here", 500) for _ in range(3)]
        assert [fault and fault.times for fault in struck] == [1, 0, None]
        assert await store.strike("there", 500) is None
        assert not await store.disarm("f")


async def test_an_expired_fault_never_strikes() -> None:
    async with open_store() as store:
        await store.arm(StoredFault("f", "ok", "here", 9, 1_000))

        assert await store.armed(1_000) == []
        assert await store.strike("here", 1_000) is None


async def test_the_event_log_keeps_the_newest() -> None:
    async with open_store(kept_events=3) as store:
        for number in range(1, 9):
            store.note_event(Event(number, str(number).encode()))
            await store.counters()
            await store.history_size()

        kept = [number for number, _ in await store.events(0, 100)]
        assert kept == [6, 7, 8]
        assert [number for number, _ in await store.events(6, 1)] == [8]


async def test_trends_of_one_minute_add_up() -> None:
    async with open_store() as store:
        store.note_trends([MINUTE, MINUTE])

        (row,) = await store.trends("GET /", 0)
        assert (row.request_count, row.status_4xx, row.buckets[:2]) == (6, 2, (2, 4))
        await store.prune_trends(61)
        assert await store.trends("GET /", 0) == []


async def test_counters_are_reset_by_prefix() -> None:
    async with open_store() as store:
        await store.count("mock:a")
        await store.count("other")
        await store.reset_counters("mock:")

        assert await store.count("mock:a") == 1
        assert await store.count("other") == 2


def test_the_sqlite_store_implements_every_method_of_the_interface() -> None:
    def takes(store: Store) -> Store:
        return store

    from hamms_trio.recording.store import SqliteStore

    assert isinstance(takes(SqliteStore(":memory:", HistoryBounds(), 10)), SqliteStore)
