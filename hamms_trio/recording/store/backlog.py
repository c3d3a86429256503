"""The rows that wait for the store's thread: bounded, filled by the loop and emptied by the thread."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from hamms_trio.recording.store import history_table
from hamms_trio.recording.store.history_table import HistoryWriter
from hamms_trio.recording.store.seam import (
    MAX_TRENDS,
    HistoryBounds,
    HistoryRow,
    PendingEvent,
    PendingRow,
    StoreHealth,
    TrendRow,
)
from hamms_trio.recording.store.trends import table as trend_table

_T = TypeVar("_T")

MAX_EVENTS = 10_000  # that wait; a quarter of a second at 40 000 a second
MAX_COUNTERS = 10_000


class Batch:
    """Rows that were taken together."""

    def __init__(
        self,
        history: Sequence[HistoryRow],
        writer: HistoryWriter,
        events: Sequence[tuple[int, bytes]],
        kept_events: int,
        trends: Sequence[TrendRow],
        counters: dict[str, int],
    ) -> None:
        self._history = history
        self._writer = writer
        self._events = events
        self._kept_events = kept_events
        self._trends = trends
        self._counters = counters

    def __len__(self) -> int:
        return len(self._history) + len(self._events) + len(self._trends) + len(self._counters)

    def write(self, connection: sqlite3.Connection) -> None:
        if self._history:
            self._writer.add(connection, self._history)
        if self._events:
            _add_events(connection, self._events, self._kept_events)
        if self._trends:
            trend_table.add(connection, self._trends)
        if self._counters:
            connection.executemany(
                "INSERT OR REPLACE INTO counters VALUES (?, ?)", self._counters.items()
            )


class RowBacklog:
    """Four bounded queues. One that is full evicts its oldest rows.

    The history evicts what its bound would evict a moment later anyway, so nothing is lost by that. Deques
    are shared with the thread without a lock: ``append`` and ``popleft`` are atomic.

    Args:
        kept_events: the number of events that the store keeps.
    """

    def __init__(self, bounds: HistoryBounds, kept_events: int, health: StoreHealth) -> None:
        self._writer = HistoryWriter(bounds)
        self._kept_events = kept_events
        self._health = health
        self._history: deque[PendingRow] = deque(maxlen=max(1, bounds.rows))
        self._events: deque[PendingEvent] = deque(maxlen=min(kept_events, MAX_EVENTS))
        self._trends: deque[TrendRow] = deque(maxlen=MAX_TRENDS)
        self._counters: deque[tuple[str, int]] = deque(maxlen=MAX_COUNTERS)

    def add_request(self, pending: PendingRow) -> None:
        self._history.append(pending)

    def add_event(self, event: PendingEvent) -> None:
        self._events.append(event)

    def add_trends(self, rows: Iterable[TrendRow]) -> None:
        self._trends.extend(rows)

    def set_counter(self, name: str, value: int) -> None:
        self._counters.append((name, value))

    def clear_history(self, connection: sqlite3.Connection) -> None:
        """Delete every request; for the thread."""
        history_table.clear(connection)
        self._writer.start_afresh()

    def take(self) -> Batch | None:
        """Take every row that waits; None if there is none."""
        batch = Batch(
            [pending.row() for pending in _drain(self._history)],
            self._writer,
            [(event.id, event.document) for event in _drain(self._events)],
            self._kept_events,
            _drain(self._trends),
            dict(_drain(self._counters)),
        )
        return batch if len(batch) else None

    def note_loss(self, rows: int, problem: str) -> None:
        self._writer.start_afresh()
        self._health.lost += rows
        self._health.problem = problem


def _drain(queue: deque[_T]) -> list[_T]:
    taken = []
    for _ in range(len(queue)):
        try:
            taken.append(queue.popleft())
        except IndexError:  # evicted meanwhile
            break
    return taken


def _add_events(
    connection: sqlite3.Connection, events: Sequence[tuple[int, bytes]], kept: int
) -> None:
    """Add a batch as one row, and evict batches that are older than the newest ``kept`` events."""
    first, last = events[0][0], events[-1][0]
    documents = msgspec.msgpack.encode(events)
    connection.execute("INSERT OR REPLACE INTO events VALUES (?, ?, ?)", (first, last, documents))
    connection.execute("DELETE FROM events WHERE last <= ?", (last - kept,))
