"""Keys as the user presses them, without Enter: on POSIX terminals and on Windows."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Keyboard(Protocol):
    """The keys that a user presses."""

    def wait(self, seconds: float) -> str:
        """Return the next key in lower case, or an empty text if none comes in time."""


@contextmanager
def open_keys() -> Iterator[Keyboard]:
    """Read keys one by one while the ``with`` block runs, then restore the terminal."""
    if not sys.stdin.isatty():
        yield NoKeys()
    elif sys.platform == "win32":
        yield WindowsKeys()
    else:
        import termios
        import tty

        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor)
        try:
            yield PosixKeys(descriptor)
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


class NoKeys:
    """The keys of a process without a terminal: none."""

    def wait(self, seconds: float) -> str:
        """Wait for the whole time."""
        time.sleep(seconds)
        return ""


class PosixKeys:
    """The keys of a terminal in cbreak mode."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def wait(self, seconds: float) -> str:
        """Return the next key; ``q`` once the terminal is gone."""
        from select import select

        ready, _, _ = select([self._descriptor], [], [], seconds)
        if not ready:
            return ""
        octets = os.read(self._descriptor, 1)
        return octets.decode("latin-1").lower() if octets else "q"


class WindowsKeys:
    """The keys of a console."""

    PAUSE = 0.02  # between two looks

    def wait(self, seconds: float) -> str:
        """Return the next key."""
        if sys.platform != "win32":
            raise AssertionError("there is no console here")
        import msvcrt

        until = time.monotonic() + seconds
        while not msvcrt.kbhit():
            left = until - time.monotonic()
            if left <= 0:
                return ""
            time.sleep(min(left, self.PAUSE))
        return msvcrt.getwch().lower()
