"""Lines to a pipe that is read slowly, or not at all."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from hamms_trio import outlet
from hamms_trio.outlet import WAITING_OCTETS, Outlet

OCTETS = 256 * 1024  # of a batch: more than a pipe holds, so the first one is never written whole
LINES = OCTETS // 64 + 1
ROOM = WAITING_OCTETS // OCTETS
SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long


class Pipe:
    """A pipe and outlets to it.

    Attributes:
        descriptor: what outlets write to.
    """

    def __init__(self) -> None:
        self._reading, self.descriptor = os.pipe()
        self._outlets: list[Outlet] = []

    def outlet(self, name: str) -> Outlet:
        self._outlets.append(Outlet(self.descriptor, name))
        return self._outlets[-1]

    def read(self, octets: int) -> bytes:
        """As many as that, or as there are before the end."""
        found = bytearray()
        while len(found) < octets and (more := os.read(self._reading, octets - len(found))):
            found += more
        return bytes(found)

    def close_reading(self) -> None:
        if self._reading >= 0:
            os.close(self._reading)
        self._reading = -1

    def close(self) -> None:
        self.close_reading()  # so that nothing waits to be written any more
        for each in self._outlets:
            each.close()
        os.close(self.descriptor)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    monkeypatch.setattr(outlet, "LAST_WORDS_SECONDS", SAFETY_NET)
    pipe = Pipe()
    yield pipe
    pipe.close()


def batch(mark: str) -> bytes:
    """So many lines that where a pipe's pages end is in the middle of one."""
    short, long = (mark * 31 + "\n").encode(), (mark * 63 + "\n").encode()
    return short + long * (LINES - 2) + short


class Batch(bytes):
    """Counts those that are forgotten."""

    forgotten = 0

    def __del__(self) -> None:
        Batch.forgotten += 1


def test_lines_that_nobody_can_read_any_more_are_not_kept(pipe: Pipe) -> None:
    pipe.close_reading()
    written = pipe.outlet("log")
    Batch.forgotten = 0
    for _ in range(3):
        written.put(Batch(b"a line\n"))
    written.close()
    assert Batch.forgotten == 3


def test_what_waits_for_a_reader_is_bounded_in_octets(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    written = pipe.outlet("access log")
    Batch.forgotten = 0
    for _ in range(ROOM + 100):
        written.put(Batch(batch("a")))
    assert Batch.forgotten == 100
    assert caplog.messages == []
    assert pipe.read(WAITING_OCTETS) == batch("a") * ROOM

    written.put(b"written again\n")
    assert caplog.messages == [f"access log: {100 * LINES} lines were dropped, as nobody read"]
    assert pipe.read(14) == b"written again\n"


def test_what_was_dropped_last_is_told_at_the_end(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    written = pipe.outlet("log")
    for _ in range(ROOM + 1):
        written.put(batch("a"))
    pipe.close_reading()
    written.close()
    assert caplog.messages == [f"log: {LINES} lines were dropped, as nobody read"]


def test_the_end_waits_for_a_reader_that_has_much_to_read(pipe: Pipe) -> None:
    written = pipe.outlet("log")
    for _ in range(ROOM + 1):
        written.put(batch("a"))
    found: list[bytes] = []
    reader = Thread(target=lambda: found.append(pipe.read(WAITING_OCTETS)))
    reader.start()
    written.close()
    reader.join(SAFETY_NET)
    assert found == [batch("a") * ROOM]


def test_lines_of_two_outlets_do_not_tear_each_other_apart(pipe: Pipe) -> None:
    access, log = pipe.outlet("access log"), pipe.outlet("log")
    for _ in range(ROOM):
        access.put(batch("a"))
        log.put(batch("b"))
    written = Counter(pipe.read(2 * WAITING_OCTETS).splitlines())
    assert written == Counter((batch("a") + batch("b")).splitlines() * ROOM)


def test_a_descriptor_that_does_not_block_gets_every_line(pipe: Pipe) -> None:
    os.set_blocking(pipe.descriptor, False)
    written = pipe.outlet("log")
    for mark in "abcd":
        written.put(batch(mark))
    assert pipe.read(4 * OCTETS) == b"".join(map(batch, "abcd"))


def test_a_line_that_was_torn_by_a_full_disk_stays_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_write, room = os.write, [100]

    def write(descriptor: int, octets: bytes) -> int:
        if descriptor == log and not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(len(octets), room[0]) if descriptor == log else len(octets)
        if descriptor == log:
            room[0] -= taken
        return really_write(descriptor, bytes(octets[:taken]))

    monkeypatch.setattr(outlet, "LAST_WORDS_SECONDS", SAFETY_NET)
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    monkeypatch.setattr(os, "write", write)
    written = Outlet(log, "access log")
    written.put(b"a" * 79 + b"\n" + b"b" * 79 + b"\n" + b"c" * 79 + b"\n")
    written.put(b"lost\n")
    while written._lost_lines < 3:  # the thread's turn
        os.sched_yield()
    room[0] = 1000
    written.put(b"after\n")
    while written._fails:
        os.sched_yield()
    written.put(b"again\n")
    written.close()
    os.close(log)

    found = (tmp_path / "log").read_bytes().splitlines()
    assert found == [b"a" * 79, b"b" * 20, b"after", b"again"]
    assert caplog.messages == ["access log: 3 lines could not be written"]
