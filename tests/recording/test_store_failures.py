"""The store survives kills, locks and full disks, and refuses files that are not its own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from hamms_trio.errors import StateUnusable, StoreUnavailable
from hamms_trio.recording.store import HistoryBounds, open_store, schema
from hamms_trio.recording.store.backlog import RowBacklog
from hamms_trio.recording.store.seam import StoreHealth
from hamms_trio.recording.store.worker import StoreWorker
from tests.recording.rows import ALL, Row, paths

# Writes without end; says how many records and requests were committed and noted.
WRITER = """
import sys, trio
from hamms_trio.recording.store import open_store, HistoryBounds
from tests.recording.rows import Row

async def main():
    async with open_store(sys.argv[1], bounds=HistoryBounds(rows=100_000)) as store:
        for number in range(1_000_000):
            store.note_request(Row(f"/{number}", document=b"x" * 500))
            await store.put("mock", str(number), b"y" * 500)
            print(number, flush=True)

trio.run(main)
"""


async def test_a_cursor_does_not_leave_the_thread_of_the_store() -> None:
    worker = StoreWorker(schema.MEMORY, RowBacklog(HistoryBounds(), 1, StoreHealth()))
    await worker.start()
    with pytest.raises(TypeError, match="cursor"):
        await worker.run(lambda connection: connection.execute("SELECT 1"))
    await worker.stop()


async def test_many_tasks_put_records_at_once() -> None:
    async def put(kind: str) -> None:
        for number in range(100):
            await store.put(kind, str(number), b"{}")

    async with open_store() as store:
        async with trio.open_nursery() as nursery:
            for kind in range(20):
                nursery.start_soon(put, str(kind))
        assert [len(await store.records(str(kind))) for kind in range(20)] == [100] * 20


def write_until_killed(path: Path) -> int:
    """Kill a process that writes, and return the last number that it committed."""
    command = [sys.executable, "-c", WRITER, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout is not None
        last = 0
        for line in writer.stdout:
            last = int(line)
            if last >= 300:
                writer.send_signal(signal.SIGKILL)
                break
        for line in writer.stdout:
            last = int(line) if line.endswith("\n") else last
    return last


async def test_a_killed_writer_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    last = await trio.to_thread.run_sync(write_until_killed, path)

    async with open_store(path, bounds=HistoryBounds(rows=100_000)) as store:
        assert len(await store.records("mock")) >= last + 1
        assert len(await paths(store)) >= last + 1
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def _not_sqlite(path: Path) -> None:
    path.write_text('{"version": 1}')


def _newer(path: Path) -> None:
    schema.connect(str(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()


def _another_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()


def _damaged(path: Path) -> None:
    schema.connect(str(path)).close()
    octets = bytearray(path.read_bytes())
    octets[100:] = os.urandom(len(octets) - 100)
    path.write_bytes(octets)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_not_sqlite, "not a file of SQLite"),
        (_newer, "version 999"),
        (_another_program, "another program"),
        (_damaged, "can't be used"),
        (Path.mkdir, "is a folder"),
    ],
)
async def test_a_file_that_is_not_ours_is_refused_and_left_alone(
    tmp_path: Path, make: object, words: str
) -> None:
    path = tmp_path / "state.sqlite3"
    assert callable(make)
    make(path)
    before = path.read_bytes() if path.is_file() else b""

    with pytest.raises(StateUnusable, match=words):
        async with open_store(path):
            pass  # pragma: no cover

    assert (path.read_bytes() if path.is_file() else b"") == before


async def test_an_empty_file_becomes_a_state_file(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    path.touch()
    async with open_store(path) as store:
        await store.put("mock", "a", b"{}")


async def test_a_state_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    async with open_store(path):
        assert path.stat().st_mode & 0o077 == 0


async def test_a_locked_file_refuses_writes_and_still_answers_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.01)
    path = tmp_path / "state.sqlite3"
    async with open_store(path) as store:
        await store.put("mock", "a", b"{}")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.put("mock", "b", b"{}")
        store.note_request(Row("/lost"))

        assert await store.records("mock") == [("a", b"{}")]
        assert (store.health.refused, store.health.lost) == (1, 1)
        other.execute("ROLLBACK")
        other.close()
        await store.put("mock", "b", b"{}")
        store.note_request(Row("/kept"))
        assert await paths(store) == ["/kept"]


async def test_a_full_disk_refuses_writes_until_there_is_room(tmp_path: Path) -> None:
    async with open_store(tmp_path / "state.sqlite3") as store:
        pages = await store._worker.run(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
        await store._worker.run(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        with pytest.raises(StoreUnavailable, match="full"):
            await store.put("mock", "big", bytes(1_000_000))
        store.note_request(Row("/lost", document=bytes(1_000_000)))

        assert await paths(store) == []
        assert (store.health.refused, store.health.lost) == (1, 1)
        assert "full" in store.health.problem
        await store._worker.run(lambda c: c.execute("PRAGMA max_page_count = 100000").fetchone())
        await store.put("mock", "big", bytes(1_000_000))


async def test_a_closed_store_refuses_instead_of_hanging() -> None:
    async with open_store() as store:
        pass
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.history(ALL)


async def test_a_row_that_can_not_be_rendered_never_ends_the_store() -> None:
    class Broken(Row):
        def row(self):  # type: ignore[no-untyped-def] # a fault of ours
            raise RuntimeError("no row")

    async with open_store() as store:
        store.note_request(Broken())
        assert await paths(store) == []
        assert store.health.lost == 1
        store.note_request(Row("/next"))
        assert await paths(store) == ["/next"]


async def test_two_processes_may_write_to_one_file(tmp_path: Path) -> None:
    """Two stores stand for the processes: SQLite's locks are those of connections."""
    path = tmp_path / "state.sqlite3"
    async with open_store(path) as one, open_store(path) as other:
        for number in range(20):
            one.note_request(Row(f"/one/{number}"))
            other.note_request(Row(f"/other/{number}"))
            await one.put("mock", f"one-{number}", b"{}")
            await other.put("mock", f"other-{number}", b"{}")
        assert len(await paths(one)) == len(await paths(other)) == 40
        assert one.health.lost == other.health.lost == 0
        firsts = [await store.reserve_events(10) for store in (one, other, one)]
    assert firsts == [1, 11, 21]
