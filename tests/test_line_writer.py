"""Lines to a pipe with a slow reader or without any, and to a full disk."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from hamms_trio import line_writer
from hamms_trio.line_writer import WAITING_OCTETS, LineWriter

OCTETS = 256 * 1024  # of a batch: a pipe holds less, so the first batch is never written whole
LINES = OCTETS // 64 + 1
ROOM = WAITING_OCTETS // OCTETS
HIGH = 2000  # a descriptor beyond the 1024 of select(2)
SAFETY_NET = 60.0  # seconds; no step takes nearly as long


class Pipe:
    """A pipe and the writers to it.

    Attributes:
        descriptor: the end for writing.
    """

    def __init__(self) -> None:
        self._reading, self.descriptor = os.pipe()
        self._writers: list[LineWriter] = []

    def writer(self, name: str) -> LineWriter:
        self._writers.append(LineWriter(self.descriptor, name))
        return self._writers[-1]

    def read(self, octets: int) -> bytes:
        """Read so many octets, or fewer if the end comes before."""
        found = bytearray()
        while len(found) < octets and (more := os.read(self._reading, octets - len(found))):
            found += more
        return bytes(found)

    def read_while(self, condition: Callable[[], bool], octets: int) -> bytes:
        """Read so many octets, or as many as come while a condition holds."""
        os.set_blocking(self._reading, False)
        found = bytearray()
        while len(found) < octets and condition():
            with suppress(BlockingIOError):
                found += os.read(self._reading, octets - len(found))
        return bytes(found)

    def close_reading(self) -> None:
        if self._reading >= 0:
            os.close(self._reading)
        self._reading = -1

    def close(self) -> None:
        self.close_reading()  # so that no writer waits for room
        for each in self._writers:
            each.close()
        os.close(self.descriptor)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    monkeypatch.setattr(line_writer, "LAST_WORDS_SECONDS", SAFETY_NET)
    pipe = Pipe()
    yield pipe
    pipe.close()


def batch(mark: str) -> bytes:
    """Make lines of which one crosses each end of a pipe's pages."""
    short, long = (mark * 31 + "\n").encode(), (mark * 63 + "\n").encode()
    return short + long * (LINES - 2) + short


class Batch(bytes):
    """Octets whose class counts how many of its objects were freed."""

    freed = 0

    def __del__(self) -> None:
        Batch.freed += 1


def test_lines_without_a_reader_are_not_kept(pipe: Pipe) -> None:
    pipe.close_reading()
    written = pipe.writer("log")
    Batch.freed = 0
    for _ in range(3):
        written.put(Batch(b"a line\n"))
    written.close()
    assert Batch.freed == 3


def test_the_queue_is_bounded_in_octets(pipe: Pipe, caplog: pytest.LogCaptureFixture) -> None:
    written = pipe.writer("access log")
    Batch.freed = 0
    for _ in range(ROOM + 100):
        written.put(Batch(batch("a")))
    assert Batch.freed == 100
    assert caplog.messages == []
    assert pipe.read(WAITING_OCTETS) == batch("a") * ROOM

    written.put(b"written again\n")
    assert caplog.messages == [
        f"access log: dropped {100 * LINES} lines, because the reader is too slow"
    ]
    assert pipe.read(14) == b"written again\n"


def test_the_last_dropped_lines_are_reported_at_the_end(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    written = pipe.writer("log")
    for _ in range(ROOM + 1):
        written.put(batch("a"))
    pipe.close_reading()
    written.close()
    assert caplog.messages == [f"log: dropped {LINES} lines, because the reader is too slow"]


def test_closing_waits_for_a_slow_reader(pipe: Pipe) -> None:
    written = pipe.writer("log")
    for _ in range(ROOM + 1):
        written.put(batch("a"))
    found: list[bytes] = []
    reader = Thread(target=lambda: found.append(pipe.read(WAITING_OCTETS)))
    reader.start()
    written.close()
    reader.join(SAFETY_NET)
    assert found == [batch("a") * ROOM]


def test_lines_of_two_writers_stay_whole(pipe: Pipe) -> None:
    access, log = pipe.writer("access log"), pipe.writer("log")
    for _ in range(ROOM):
        access.put(batch("a"))
        log.put(batch("b"))
    written = Counter(pipe.read(2 * WAITING_OCTETS).splitlines())
    assert written == Counter((batch("a") + batch("b")).splitlines() * ROOM)


def test_a_non_blocking_descriptor_gets_every_line(pipe: Pipe) -> None:
    os.set_blocking(pipe.descriptor, False)
    written = pipe.writer("log")
    for mark in "abcd":
        written.put(batch(mark))
    assert pipe.read(4 * OCTETS) == b"".join(map(batch, "abcd"))


class Disk:
    """A file on a disk that may be full.

    Attributes:
        descriptor: of the file.
        room: octets left on the disk.
    """

    def __init__(self, path: Path, room: int, really_write: Callable[[int, bytes], int]) -> None:
        self._path = path
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        self.room = room
        self._really_write = really_write

    def write(self, descriptor: int, octets: bytes) -> int:
        if descriptor != self.descriptor:
            return self._really_write(descriptor, octets)
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(len(octets), self.room)
        self.room -= taken
        return self._really_write(descriptor, bytes(octets[:taken]))

    @property
    def lines(self) -> list[bytes]:
        return self._path.read_bytes().splitlines()


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(line_writer, "LAST_WORDS_SECONDS", SAFETY_NET)
    disk = Disk(tmp_path / "log", 100, os.write)
    monkeypatch.setattr(os, "write", disk.write)
    yield disk
    os.close(disk.descriptor)


def wait_lost(written: LineWriter, lines: int) -> None:
    """Let the writer's thread run until it has lost so many lines."""
    while written.lost_lines < lines:
        os.sched_yield()


def test_a_line_torn_by_a_full_disk_stays_alone(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    written = LineWriter(disk.descriptor, "access log")
    written.put(b"a" * 79 + b"\n" + b"b" * 79 + b"\n" + b"c" * 79 + b"\n")
    written.put(b"lost\n")
    wait_lost(written, 3)
    disk.room = 1000
    written.put(b"after\n")
    while written._fails:
        os.sched_yield()
    written.put(b"again\n")
    written.close()

    assert disk.lines == [b"a" * 79, b"b" * 20, b"after", b"again"]
    assert caplog.messages == ["access log: could not write 3 lines"]


def test_a_torn_line_does_not_tear_another_writers_line(disk: Disk) -> None:
    access, log = LineWriter(disk.descriptor, "access log"), LineWriter(disk.descriptor, "log")
    access.put(b"a" * 79 + b"\n" + b"b" * 79 + b"\n")
    wait_lost(access, 1)
    disk.room = 1000
    log.put(b"full\n")
    log.close()
    access.put(b"after\n")
    access.close()

    assert disk.lines == [b"a" * 79, b"b" * 20, b"full", b"after"]


def test_a_full_disk_leaves_no_empty_line(disk: Disk) -> None:
    written = LineWriter(disk.descriptor, "access log")
    written.put(b"a" * 99 + b"\n" + b"b" * 99 + b"\n")
    wait_lost(written, 1)
    disk.room = 1000
    written.put(b"after\n")
    written.close()

    assert disk.lines == [b"a" * 99, b"after"]


def test_a_descriptor_with_a_high_number_gets_every_line(pipe: Pipe) -> None:
    """A busy program has such descriptors; select(2) does not take them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(HIGH + 1, hard), hard))
    try:
        high = fcntl.fcntl(pipe.descriptor, fcntl.F_DUPFD, HIGH)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    os.close(pipe.descriptor)
    pipe.descriptor = high
    os.set_blocking(high, False)
    written = pipe.writer("log")
    for mark in "abcd":
        written.put(batch(mark))
    assert pipe.read_while(written._thread.is_alive, 4 * OCTETS) == b"".join(map(batch, "abcd"))
