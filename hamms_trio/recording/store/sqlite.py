"""The embedded store: one SQLite file, or memory, for one process."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import time
from typing import TypeVar

import msgspec

from hamms_trio.errors import StoreUnavailable
from hamms_trio.recording.store import armed_table, history_table
from hamms_trio.recording.store.backlog import RowBacklog
from hamms_trio.recording.store.schema import MEMORY
from hamms_trio.recording.store.seam import (
    HistoryBounds,
    HistoryQuery,
    HistoryRow,
    PendingEvent,
    PendingRow,
    StoredFault,
    StoreHealth,
    TrendRow,
)
from hamms_trio.recording.store.trends import table as trend_table
from hamms_trio.recording.store.worker import StoreWorker

T = TypeVar("T")

KEPT_EVENTS = 5_000  # the reference's --event-buffer-size
_RESERVED = "events.reserved"


@asynccontextmanager
async def open_store(
    path: str | os.PathLike[str] = MEMORY,
    *,
    bounds: HistoryBounds | None = None,
    kept_events: int = KEPT_EVENTS,
) -> AsyncIterator[SqliteStore]:
    """Open a state file while the ``async with`` block runs; create it if it is missing.

    Args:
        path: the file, or ``:memory:``.
        kept_events: the number of events that the log keeps.

    Raises:
        StateUnusable: the file is not ours, is newer than this program, or can't be opened.
    """
    store = SqliteStore(os.fspath(path), bounds or HistoryBounds(), kept_events)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


class SqliteStore:
    """The `Store` of one process.

    Attributes:
        health: its losses.
        path: its file.
    """

    def __init__(self, path: str, bounds: HistoryBounds, kept_events: int) -> None:
        self.path = path
        self.health = StoreHealth()
        self._seconds = bounds.seconds
        self._backlog = RowBacklog(bounds, kept_events, self.health)
        self._worker = StoreWorker(path, self._backlog)
        self._counters: dict[str, int] = {}

    async def start(self) -> None:
        """Open the file.

        Raises:
            StateUnusable: that can't be done.
        """
        await self._worker.start()
        self._counters = dict(await self._worker.run(_counters))

    async def stop(self) -> None:
        """Write the rows that wait, and close the file."""
        await self._worker.stop()

    # Records

    async def records(self, kind: str) -> list[tuple[str, bytes]]:
        """Return the documents of one kind, in the order in which they were first put."""
        return await self._worker.run(
            lambda connection: connection.execute(
                "SELECT id, document FROM records WHERE kind = ? ORDER BY position", (kind,)
            ).fetchall()
        )

    async def put(self, kind: str, id: str, document: bytes) -> None:
        """Put a document, in place of the one with the same id.

        Raises:
            StoreUnavailable: nothing was written.
        """
        await self.put_all(kind, [(id, document)])

    async def put_all(self, kind: str, documents: Sequence[tuple[str, bytes]]) -> None:
        """Put all documents, or none of them.

        Raises:
            StoreUnavailable: nothing was written.
        """
        rows = [(kind, id, document) for id, document in documents]
        await self._execute(
            "INSERT INTO records (kind, id, document) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET document = excluded.document",
            rows,
        )

    async def delete(self, kind: str, id: str) -> None:
        """Delete a document, if it is there."""
        await self._execute("DELETE FROM records WHERE kind = ? AND id = ?", [(kind, id)])

    # History

    def note_request(self, pending: PendingRow) -> None:
        """Add an answered request; a reader that asks from now on sees it."""
        self._backlog.add_request(pending)
        self._worker.wake()

    async def history(self, query: HistoryQuery) -> list[HistoryRow]:
        """Return one page, without the rows that are older than the history's bound."""
        if self._seconds is not None:
            oldest = int((time() - self._seconds) * 1000)
            query = msgspec.structs.replace(query, from_ms=max(oldest, query.from_ms or 0))
        return await self._worker.run(lambda connection: history_table.select(connection, query))

    async def history_row(self, request_id: str) -> HistoryRow | None:
        """Return the newest request with this id, or None."""
        return await self._worker.run(lambda connection: history_table.find(connection, request_id))

    async def history_size(self) -> int:
        """Return the number of requests that are kept."""
        return await self._worker.run(history_table.size)

    async def clear_history(self) -> None:
        """Delete every request."""
        await self._write(self._backlog.clear_history)

    # Counters

    async def count(self, name: str, by: int = 1) -> int:
        """Add to a counter and return its new value."""
        self._counters[name] = value = self._counters.get(name, 0) + by
        self._backlog.set_counter(name, value)
        self._worker.wake()
        return value

    async def counters(self) -> Mapping[str, int]:
        """Return the value of every counter, by its name."""
        return self._counters

    async def reset_counters(self, prefix: str) -> None:
        """Delete the counters whose names begin with ``prefix``."""
        names = [name for name in self._counters if name.startswith(prefix)]
        for name in names:
            del self._counters[name]
        await self._execute("DELETE FROM counters WHERE name = ?", [(name,) for name in names])

    # Armed faults

    async def arm(self, fault: StoredFault) -> None:
        """Add a fault, in place of the one with the same id."""
        await self._write(lambda connection: armed_table.add(connection, fault))

    async def armed(self, now_ms: int) -> list[StoredFault]:
        """Return the faults that may strike yet, the oldest first."""
        return await self._worker.run(lambda connection: armed_table.select(connection, now_ms))

    async def disarm(self, id: str) -> bool:
        """Remove a fault; False if it is not there."""
        return await self._write(lambda connection: armed_table.remove(connection, id))

    async def strike(self, match: str, now_ms: int) -> StoredFault | None:
        """Take one strike of the oldest fault with this match; None if there is none."""
        return await self._write(lambda connection: armed_table.take(connection, match, now_ms))

    # Event log

    async def reserve_events(self, count: int) -> int:
        """Reserve so many event ids for the caller, and return the first one."""

        def reserve(connection: sqlite3.Connection) -> int:
            found = connection.execute(
                "SELECT value FROM counters WHERE name = ?", (_RESERVED,)
            ).fetchone()
            last = int(found[0]) if found else 0
            connection.execute(
                "INSERT OR REPLACE INTO counters VALUES (?, ?)", (_RESERVED, last + count)
            )
            return last + 1

        return await self._write(reserve)

    async def return_events(self, first_unused: int) -> None:
        """Give back the reserved ids that were not used, at the end of this process."""
        await self._execute(
            "UPDATE counters SET value = ? WHERE name = ?", [(first_unused - 1, _RESERVED)]
        )

    def note_event(self, event: PendingEvent) -> None:
        """Add an event."""
        self._backlog.add_event(event)
        self._worker.wake()

    async def events(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the newest events with a greater id than ``after``, in order."""

        def read(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
            batches = connection.execute(
                "SELECT documents FROM events WHERE last > ? ORDER BY first DESC", (after,)
            )
            found: list[tuple[int, bytes]] = []
            for (octets,) in batches:
                batch = msgspec.msgpack.decode(octets, type=list[tuple[int, bytes]])
                found[:0] = [event for event in batch if event[0] > after]
                if len(found) >= limit:
                    break
            return found[-limit:]

        return await self._worker.run(read)

    # Trends

    def note_trends(self, rows: Sequence[TrendRow]) -> None:
        """Add counts to those that the store has of the same minute and route."""
        self._backlog.add_trends(rows)
        self._worker.wake()

    async def trends(self, route_key: str, since: int) -> list[TrendRow]:
        """Return the rows of one route from ``since`` on, in seconds since the epoch."""
        return await self._worker.run(
            lambda connection: trend_table.select(connection, route_key, since)
        )

    async def prune_trends(self, before: int) -> None:
        """Delete the rows of minutes before ``before``, in seconds since the epoch."""
        await self._write(lambda connection: trend_table.prune(connection, before))

    async def _execute(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Execute a statement once for each row.

        Raises:
            StoreUnavailable: nothing was written.
        """

        def execute(connection: sqlite3.Connection) -> None:
            connection.executemany(statement, rows)

        await self._write(execute)

    async def _write(self, write: Callable[[sqlite3.Connection], T]) -> T:
        """Write, and count the write if it is refused.

        Raises:
            StoreUnavailable: nothing was written.
        """
        try:
            return await self._worker.run(write, writes=True)
        except StoreUnavailable as error:
            self.health.refused += 1
            self.health.problem = str(error)
            raise


def _counters(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    return connection.execute(
        "SELECT name, value FROM counters WHERE name <> ?", (_RESERVED,)
    ).fetchall()
