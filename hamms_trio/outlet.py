"""Lines to a descriptor whose reader may be slow, or not read at all.

It must not hold up the server, nor its end. So octets wait in a bounded queue for a thread that writes them, and
what does not fit is dropped.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from collections import defaultdict
from queue import SimpleQueue

logger = logging.getLogger(__name__)

WAITING_OCTETS = 4 * 1024 * 1024  # some 15 000 lines
LAST_WORDS_SECONDS = 0.5  # how long the end waits for the reader

# Two outlets may have one descriptor, and a pipe takes as much of a write as it has room for: without turns the
# lines of one would stand within those of the other.
_TURNS: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)


class Outlet:
    """Writes octets to a descriptor from a thread of its own; never waits and never raises.

    Args:
        name: what is written, for the thread's name and for saying how much of it was dropped.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self.name = name
        self._descriptor = descriptor
        self._turn = _TURNS[descriptor]
        # Each is changed by one thread only, so neither needs a lock.
        self._put_octets = self._written_octets = 0
        self._dropped_lines = 0
        self._lost_lines = self._told_lost_lines = 0
        self._fails = self._is_torn = False  # the last write, and the last line of the one before
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
            with self._turn:
                self._write_whole(lines)
            self._written_octets += len(lines)
            lines = None  # waiting for the next, keep nothing

    def _write_whole(self, lines: bytes) -> None:
        rest = memoryview(lines)
        try:
            if self._is_torn:
                self._write_some(b"\n")
                self._is_torn = False
            while rest:
                rest = rest[self._write_some(rest) :]
                self._is_torn = bool(rest)
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
                select.select([], [self._descriptor], [])
