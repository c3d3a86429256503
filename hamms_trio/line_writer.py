"""Lines to a descriptor whose reader may be slow, or not read at all.

It must not hold up the server, nor its end. So octets wait in a bounded queue for a thread that writes them, and
what does not fit is dropped.
"""

from __future__ import annotations

import logging
import os
import selectors
import threading
from queue import SimpleQueue
from weakref import WeakValueDictionary

logger = logging.getLogger(__name__)

WAITING_OCTETS = 4 * 1024 * 1024  # some 15 000 lines
LAST_WORDS_SECONDS = 0.5  # how long the end waits for the reader
_LF = ord("\n")
# Needs no descriptor of its own; select(2) knows none above 1023.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class _Turns:
    """What outlets with one descriptor share, so that the lines of one don't stand within those of the other.

    A pipe takes as much of a write as it has room for, and so does a disk.

    Attributes:
        is_torn: whether the last line that was written is not whole; for who has the lock.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.is_torn = False


_TURNS: WeakValueDictionary[int, _Turns] = WeakValueDictionary()


class LineWriter:
    """Writes octets to a descriptor from a thread of its own; never waits and never raises.

    Args:
        name: what is written, for the thread's name and for saying how much of it was dropped.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self.name = name
        self._descriptor = descriptor
        self._turns = _TURNS.setdefault(descriptor, _Turns())
        # Each is changed by one thread only, so neither needs a lock.
        self._put_octets = self._written_octets = 0
        self._dropped_lines = 0
        self._lost_lines = self._told_lost_lines = 0
        self._fails = False  # the last write
        self._waiting: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name=name, daemon=True)
        self._thread.start()

    def put(self, lines: bytes) -> None:
        """Have whole lines written, all or none of them; for one thread at a time."""
        waiting = self._put_octets - self._written_octets
        if waiting and waiting + len(lines) > WAITING_OCTETS:
            self._dropped_lines += lines.count(b"\n")
            return
        self._put_octets += len(lines)
        self._waiting.put(lines)
        self._tell_dropped()

    def close(self) -> None:
        """Wait a little for what was put to be written."""
        self._tell_dropped()
        self._waiting.put(None)
        self._thread.join(LAST_WORDS_SECONDS)

    def _tell_dropped(self) -> None:
        dropped, self._dropped_lines = self._dropped_lines, 0
        lost, told = self._lost_lines, self._told_lost_lines
        if not self._fails:
            self._told_lost_lines = lost
        # The logger may write to this outlet, so by now all has to be in order.
        if dropped:
            logger.warning("%s: %d lines were dropped, as nobody read", self.name, dropped)
        if lost > told and not self._fails:
            logger.warning("%s: %d lines could not be written", self.name, lost - told)

    def _write(self) -> None:
        while (lines := self._waiting.get()) is not None:
            with self._turns.lock:
                self._write_whole(lines)
            self._written_octets += len(lines)
            lines = None  # waiting for the next, keep nothing

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
        except BrokenPipeError:  # nobody reads any more: what is put is forgotten
            pass
        except OSError:  # the disk is full, say
            self._fails = True
            self._lost_lines += bytes(rest).count(b"\n")

    def _write_some(self, octets: bytes | memoryview) -> int:
        while True:
            try:
                return os.write(self._descriptor, octets)
            except BlockingIOError:  # whoever shares it with us has made it so
                with _Selector() as room:
                    room.register(self._descriptor, selectors.EVENT_WRITE)
                    room.select()
