"""Trends in an SQLite file of their own, in the shape of the reference's metrics file."""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from hamms_trio.errors import StateUnusable
from hamms_trio.recording.store.schema import BUSY_SECONDS, TRENDS_TABLE, prepare_file
from hamms_trio.recording.store.seam import MAX_TRENDS, StoreHealth, TrendRow
from hamms_trio.recording.store.trends import table
from hamms_trio.recording.store.worker import StoreWorker


class _Batch:
    """Rows that were taken together."""

    def __init__(self, rows: Sequence[TrendRow]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def write(self, connection: sqlite3.Connection) -> None:
        table.add(connection, self._rows)


class TrendFile:
    """The `TrendStore` of a file.

    Args:
        health: counts the rows that could not be written.
    """

    def __init__(self, path: str, health: StoreHealth) -> None:
        self._waiting: deque[TrendRow] = deque(maxlen=MAX_TRENDS)
        self._health = health
        self._worker = StoreWorker(path, self, connect=connect)

    async def start(self) -> None:
        """Open the file.

        Raises:
            StateUnusable: that can't be done.
        """
        await self._worker.start()

    async def stop(self) -> None:
        """Write the rows that wait, and close the file."""
        await self._worker.stop()

    def note_trends(self, rows: Sequence[TrendRow]) -> None:
        """Add counts to those that the file has of the same minute and route."""
        self._waiting.extend(rows)
        self._worker.wake()

    async def trends(self, route_key: str, since: int) -> list[TrendRow]:
        """Return the rows of one route from ``since`` on, in seconds since the epoch."""
        return await self._worker.run(lambda file: table.select(file, route_key, since))

    async def prune_trends(self, before: int) -> None:
        """Delete the rows of minutes before ``before``, in seconds since the epoch."""
        await self._worker.run(lambda file: table.prune(file, before), writes=True)

    # The thread's calls (see `worker.Backlog`)

    def take(self) -> _Batch | None:
        """Take every row that waits; None if there is none."""
        rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
        return _Batch(rows) if rows else None

    def note_loss(self, rows: int, problem: str) -> None:
        self._health.lost += rows
        self._health.problem = problem


@asynccontextmanager
async def open_trend_file(
    path: str | os.PathLike[str], health: StoreHealth
) -> AsyncIterator[TrendFile]:
    """Open a file of trends while the ``async with`` block runs; create it if it is missing.

    Raises:
        StateUnusable: the file has another content, or can't be opened.
    """
    file = TrendFile(os.fspath(path), health)
    await file.start()
    try:
        yield file
    finally:
        await file.stop()


def connect(path: str) -> sqlite3.Connection:
    """Open a file of trends, and make its table if there is none.

    Raises:
        StateUnusable: the file has another content, or can't be opened.
    """
    try:
        prepare_file(Path(path), noun="metrics file")
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise StateUnusable(f"the metrics file {path} can't be opened: {error}") from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {TRENDS_TABLE}")
        table.select(connection, "", 0)  # fails if the table has other columns
    except sqlite3.Error as error:
        connection.close()
        raise StateUnusable(f"the metrics file {path} can't be used: {error}") from error
    return connection
