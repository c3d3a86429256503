"""The event log: ids, gaps, topics and subscribers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from hamms_trio.recording.store import SqliteStore, open_store
from hamms_trio.workbench.live.events import EventLog, LogSubscription, as_sse, gap_as_sse
from hamms_trio.workbench.live.selection import About, Selection, read_selection, read_topics


async def log_of(store: SqliteStore, kept: int = 100) -> EventLog:
    log = EventLog(store, kept=kept, wall_clock=lambda: 1.0)
    await log.load()
    return log


def ids(log: EventLog, position: int, limit: int = 1_000, *topics: str) -> list[int]:
    return [event.id for event in log.since(position, limit, Selection(topics))[0]]


async def test_an_event_has_the_shape_of_the_reference() -> None:
    async with open_store() as store:
        log = await log_of(store)
        log.publish("incident.started", {"mode": "x"}, "t1")
        (event,), _, _ = log.since(0, 10)
        assert json.loads(event.document) == {
            "id": 1,
            "ts": "1970-01-01T00:00:01.000Z",
            "type": "incident.started",
            "source": "server",
            "trace_id": "t1",
            "payload": {"mode": "x"},
        }
        assert as_sse(event).startswith(b"id: 1\nevent: incident.started\ndata: {")


async def test_pages_run_from_the_oldest_and_drop_nothing() -> None:
    async with open_store() as store:
        log = await log_of(store)
        for _ in range(10):
            log.publish("a", {})
        assert ids(log, 0, 4) == [1, 2, 3, 4]
        assert ids(log, 4, 4) == [5, 6, 7, 8]
        assert ids(log, 8, 4) == [9, 10]
        assert ids(log, 10, 4) == []


async def test_topics_select_exact_types_and_move_the_position_on() -> None:
    async with open_store() as store:
        log = await log_of(store)
        for kind in ("a", "b", "a", "ab"):
            log.publish(kind, {})
        assert ids(log, 0, 10, "a") == [1, 3]
        assert log.since(0, 1, Selection(["a"]))[1] == 1
        assert log.since(0, 10, Selection(["b"]))[1] == 4
        assert read_topics(" a, b,,") == {"a", "b"}


@pytest.mark.parametrize(
    ("query", "taken"),
    [
        ({}, ["a.b", "connection.sent"]),
        ({"topics": "connection.*"}, ["connection.sent"]),
        ({"topics": "a.b,c"}, ["a.b"]),
        ({"topics": "a.*,connection.sent"}, ["a.b", "connection.sent"]),
        ({"topics": "a"}, []),
        ({"mode": "ok"}, ["connection.sent"]),
        ({"mode": "ok", "door": "path", "connection": "7"}, ["connection.sent"]),
        ({"connection": "8"}, []),
        ({"topics": "a.*", "mode": "ok"}, []),
    ],
)
def test_a_selection_is_by_type_and_by_connection(query: dict[str, str], taken: list[str]) -> None:
    selection = read_selection(query)
    happened = {"a.b": About(), "connection.sent": About(7, "path", "ok")}
    assert [type for type, about in happened.items() if selection.takes(type, about)] == taken


@pytest.mark.parametrize(
    "topics", ["", "connection.*", "connection.reset", "conn*", "*", "a,connection.*"]
)
def test_connections_are_watched_for_their_subscribers(topics: str) -> None:
    assert read_selection({"topics": topics}).has_connections


@pytest.mark.parametrize("topics", ["a", "request.completed", "request.*,system.health"])
def test_connections_are_not_watched_for_subscribers_of_other_topics(topics: str) -> None:
    assert not read_selection({"topics": topics}).has_connections


async def test_ids_go_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    async with open_store(path) as store:
        log = await log_of(store)
        log.publish("a", {})
        log.publish("b", {})
        await log.close()
    async with open_store(path) as store:
        log = await log_of(store)
        log.publish("c", {})
        assert ids(log, 0) == [1, 2, 3]
        assert ids(log, 1, 10, "b") == [2]
        assert log.since(1, 10)[2] is False


async def test_ids_are_never_used_twice_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    async with open_store(path) as store:
        log = await log_of(store)
        log.publish("a", {})
    async with open_store(path) as store:  # without a close
        log = await log_of(store)
        log.publish("b", {})
        assert log.latest_id > 2
        assert log.since(1, 10)[2] is False


async def test_a_position_of_another_server_is_a_gap() -> None:
    async with open_store() as store:
        log = await log_of(store)
        log.publish("a", {})
        found, position, overflowed = log.since(31, 10)
        assert ([event.id for event in found], position, overflowed) == ([1], 1, True)


async def test_a_slow_subscriber_gets_a_gap_and_a_quick_one_every_event() -> None:
    async with open_store() as store:
        log = await log_of(store, kept=10)
        slow, quick = LogSubscription(log), LogSubscription(log)
        seen = []
        for _ in range(50):
            log.publish("a", {})
            gap, events = await quick.receive()
            assert gap is None
            seen += [event.id for event in events]
        gap, events = await slow.receive()

        assert seen == list(range(1, 51))
        assert gap is not None
        assert gap.oldest_id == events[0].id > 30
        assert events[-1].id == gap.latest_id == 50
        assert b"id:" not in gap_as_sse(gap).split(b"data:")[0]


async def test_every_subscriber_wakes_for_its_topic_only() -> None:
    async with open_store() as store:
        log = await log_of(store)
        received: list[str] = []
        woken = trio.Event()

        async def receive(topic: str) -> None:
            _, events = await LogSubscription(log, selection=Selection([topic])).receive()
            received.extend(event.type for event in events)
            woken.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive, "a")
            nursery.start_soon(receive, "b")
            await wait_all_tasks_blocked()
            log.publish("b", {})
            await woken.wait()
            assert received == ["b"]
            log.publish("a", {})
        assert received == ["b", "a"]
        assert log.subscribers == 0
