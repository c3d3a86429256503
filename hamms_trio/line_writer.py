"""Log lines to a descriptor whose reader may be slow, or never read.

A slow reader must delay neither the server nor its end. So a bounded queue holds the octets until a thread has
written them, and lines that don't fit are dropped.
"""

from __future__ import annotations

import logging
import os
import selectors
import threading
from queue import SimpleQueue
from weakref import WeakValueDictionary

logger = logging.getLogger(__name__)

STDERR = 2  # the descriptor of standard error
WAITING_OCTETS = 4 * 1024 * 1024  # about 15 000 lines
LAST_WORDS_SECONDS = 0.5  # longest wait for the reader at the end
_LF = ord("\n")
# poll(2) needs no descriptor of its own, as epoll does, and has no limit of 1023, as select(2) has.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class _Turns:
    """The lock of all writers with one descriptor, so that no line of one stands within a line of another.

    A pipe takes as much of a write as it has room for, and so does a disk.

    Attributes:
        is_torn: True if the last line was written in part; read and written under the lock.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.is_torn = False


_TURNS: WeakValueDictionary[int, _Turns] = WeakValueDictionary()


class LineWriter:
    """A writer of whole lines to a descriptor, from a thread of its own; it never waits and never raises.

    Args:
        descriptor: where the lines go.
        name: of the log, for the thread's name and for the message about dropped lines.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self.name = name
        self._descriptor = descriptor
        self._turns = _TURNS.setdefault(descriptor, _Turns())
        # Each of these two is changed by one thread only, so neither needs a lock.
        self._put_octets = self._written_octets = 0
        self._dropped_lines = 0
        self._lost_lines = self._reported_lost_lines = 0
        self._fails = False  # True if the last write failed
        self._waiting: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name=name, daemon=True)
        self._thread.start()

    @property
    def lost_lines(self) -> int:
        """Number of lines that could not be written, because the disk was full for example."""
        return self._lost_lines

    def put(self, lines: bytes) -> None:
        """Write whole lines later, or drop all of them; one thread at a time may call this."""
        waiting = self._put_octets - self._written_octets
        if waiting and waiting + len(lines) > WAITING_OCTETS:
            self._dropped_lines += lines.count(b"\n")
            return
        self._put_octets += len(lines)
        self._waiting.put(lines)
        self._report_dropped()

    def close(self) -> None:
        """Wait for the thread to write the last lines, but not for long."""
        self._report_dropped()
        self._waiting.put(None)
        self._thread.join(LAST_WORDS_SECONDS)

    def _report_dropped(self) -> None:
        dropped, self._dropped_lines = self._dropped_lines, 0
        lost, reported = self._lost_lines, self._reported_lost_lines
        if not self._fails:
            self._reported_lost_lines = lost
        # The logger may call this writer again, so the counts are up to date before it does.
        if dropped:
            logger.warning(
                "%s: dropped %d lines, because the reader is too slow", self.name, dropped
            )
        if lost > reported and not self._fails:
            logger.warning("%s: could not write %d lines", self.name, lost - reported)

    def _write(self) -> None:
        while (lines := self._waiting.get()) is not None:
            with self._turns.lock:
                self._write_whole(lines)
            self._written_octets += len(lines)
            lines = None  # keep no octets while the queue is empty

    def _write_whole(self, lines: bytes) -> None:
        rest, turns = memoryview(lines), self._turns
        try:
            if turns.is_torn:
                self._write_some(b"\n")
                turns.is_torn = False
            while rest:
                taken = self._write_some(rest)
                turns.is_torn = rest[taken - 1] != _LF
                rest = rest[taken:]
            self._fails = False
        except BrokenPipeError:  # the reader has gone, so the lines are of no use
            pass
        except OSError:  # the disk is full, for example
            self._fails = True
            self._lost_lines += bytes(rest).count(b"\n")

    def _write_some(self, octets: bytes | memoryview) -> int:
        while True:
            try:
                return os.write(self._descriptor, octets)
            except BlockingIOError:  # another process that has the descriptor made it non-blocking
                with _Selector() as room:
                    room.register(self._descriptor, selectors.EVENT_WRITE)
                    room.select()
