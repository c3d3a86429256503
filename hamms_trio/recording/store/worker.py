"""The thread that owns the SQLite connection.

The connection never leaves this thread, nor does a cursor: the end of a cursor resets its statement, which this
thread may be executing again. Callers on a trio loop wait for a job without blocking the loop; rows
that nobody waits for are written at the latest `FLUSH_SECONDS` after the first of them came,
and always before a job runs. A reader therefore sees what was noted before it asked.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from traceback import clear_frames
from typing import Generic, Protocol, TypeVar

import outcome
import trio

from hamms_trio.errors import StateUnusable, StoreUnavailable
from hamms_trio.recording.store.schema import connect

logger = logging.getLogger(__name__)

T = TypeVar("T")
Database = sqlite3.Connection

FLUSH_SECONDS = 0.5  # the greatest age of a row that is not committed
MAX_WAITING_JOBS = 1_000


class _Job(Generic[T]):
    """One use of the connection, and the task that waits for its outcome."""

    def __init__(self, run: Callable[[Database], T], *, writes: bool = False) -> None:
        self.run = run
        self.writes = writes
        self.result: outcome.Maybe[T] | None = None
        self._done = trio.Event()
        self._token = trio.lowlevel.current_trio_token()

    async def wait(self) -> T:
        await self._done.wait()
        assert self.result is not None
        return self.result.unwrap()

    def finish(self, result: outcome.Maybe[T]) -> None:
        self.result = result
        with suppress(trio.RunFinishedError):  # the loop ended first, and its tasks with it
            self._token.run_sync_soon(self._done.set)


class Rows(Protocol):
    """Rows that were taken from the backlog, and are written within one transaction."""

    def __len__(self) -> int: ...
    def write(self, connection: Database) -> None: ...


class PendingRows(Protocol):
    """The rows that wait to be written; every method may be called in the thread."""

    def take(self) -> Rows | None: ...
    def note_loss(self, rows: int, problem: str) -> None: ...


class StoreWorker:
    """A thread with a connection of its own.

    Args:
        backlog: the rows that wait.
        connect: opens the file; may raise StateUnusable.
    """

    def __init__(
        self,
        path: str,
        backlog: PendingRows,
        *,
        connect: Callable[[str], Database] = connect,
    ) -> None:
        self._path = path
        self._connect = connect
        self._backlog = backlog
        # None wakes, or ends, the thread.
        self._inbox: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._thread = Thread(target=self._live, name="hamms-trio store", daemon=True)
        self._is_ending = False
        self._is_due = False  # True if the thread knows that rows wait
        self._opening: _Job[None] | None = None

    async def start(self) -> None:
        """Open the file.

        Raises:
            StateUnusable: that can't be done.
        """
        opened = self._opening = _Job(lambda _: None)
        self._thread.start()
        with trio.CancelScope(shield=True):
            await opened.wait()

    async def run(self, use: Callable[[Database], T], *, writes: bool = False) -> T:
        """Use the connection in the thread.

        Args:
            writes: True to have the file's lock from the beginning: another process can't come between then.

        Raises:
            StoreUnavailable: the file can't be used at the moment, or too many jobs wait.
        """
        if self._is_ending:
            raise StoreUnavailable("the store is closed")
        if self._inbox.qsize() >= MAX_WAITING_JOBS:
            raise StoreUnavailable(
                f"{MAX_WAITING_JOBS} reads and writes wait for the store already"
            )
        job = _Job(use, writes=writes)
        self._inbox.put(job)  # type: ignore[arg-type] # the thread treats every result alike
        with trio.CancelScope(shield=True):  # the thread finishes it anyway
            result = await job.wait()
        return result

    def wake(self) -> None:
        """Wake the thread, so that it writes the rows that wait."""
        if not self._is_due:
            self._is_due = True
            self._inbox.put(None)

    async def stop(self) -> None:
        """Collect the rows that wait, finish every job, and close the file."""
        self._is_ending = True
        self._inbox.put(None)
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._thread.join)

    # In the thread

    def _live(self) -> None:
        assert self._opening is not None
        try:
            connection = self._connect(self._path)
        except StateUnusable as error:
            self._opening.finish(outcome.Error(error))
            return
        self._opening.finish(outcome.Value(None))
        try:
            self._work(connection)
        finally:
            connection.close()

    def _work(self, connection: Database) -> None:
        due: float | None = None
        while True:
            try:
                patience = None if due is None else max(0.0, due - monotonic())
                job = self._inbox.get(timeout=patience)
            except Empty:
                due = None
                self._flush(connection)
                continue
            if job is not None:
                self._flush(connection)
                job.finish(outcome.capture(_transact, connection, job.run, writes=job.writes))
            elif self._is_ending and self._inbox.empty():
                self._flush(connection)
                return
            elif due is None:
                due = monotonic() + FLUSH_SECONDS

    def _flush(self, connection: Database) -> None:
        self._is_due = False
        try:
            rows = self._backlog.take()
            if rows is not None:
                _write(connection, rows, self._backlog)
        except Exception as error:  # a row's own fault must not end the thread that all depend on
            logger.exception("rows could not be written to the store")
            self._backlog.note_loss(1, repr(error))


def _write(connection: Database, rows: Rows, backlog: PendingRows) -> None:
    try:
        _transact(connection, rows.write, writes=True)
    except StoreUnavailable as error:
        backlog.note_loss(len(rows), str(error))


def _transact(connection: Database, use: Callable[[Database], T], *, writes: bool) -> T:
    try:
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        result = use(connection)
        if isinstance(result, sqlite3.Cursor):
            raise TypeError("a cursor must not leave the thread of the store")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        clear_frames(error.__traceback__)  # they may hold a cursor
        _roll_back(connection)
        raise StoreUnavailable(f"the state file can't be used at the moment: {error}") from error
    except BaseException:  # raised again; even a bug leaves no transaction open
        _roll_back(connection)
        raise
    return result


def _roll_back(connection: Database) -> None:
    """Leave the transaction; a full disk has ended it already."""
    if connection.in_transaction:
        # The connection may be broken; the next BEGIN reports that.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
