"""A descriptor that becomes readable at a given time: Linux's timerfd.

The waits of trio and of epoll are rounded up to whole milliseconds; a timerfd is exact to some tens of
microseconds, and is watched like any other descriptor.
"""

from __future__ import annotations

import ctypes
import os
import time

_TFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
_TFD_TIMER_ABSTIME = 1
_LATEST = 1e9  # seconds; the hub sets the alarm again for later times

# The os module has these functions only from Python 3.13 on.
_libc = ctypes.CDLL(None, use_errno=True)


class _Itimerspec(ctypes.Structure):
    _fields_ = (
        ("interval_seconds", ctypes.c_long),
        ("interval_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


class Alarm:
    """One alarm on the clock of `time.monotonic`.

    Raises:
        OSError: the process has no descriptor left.
    """

    def __init__(self) -> None:
        self._fd: int = _libc.timerfd_create(time.CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self._fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"timerfd_create: {os.strerror(number)}")
        self._spec = _Itimerspec()
        self._due: float | None = None

    @property
    def group(self) -> None:
        """No group (see `net.hub.Watcher`)."""

    def fileno(self) -> int:
        return self._fd

    def set(self, due: float | None) -> None:
        """Become readable at ``due``, never if that is None."""
        if due != self._due:
            self._due = due
            self._settime(due)

    def on_event(self, _events: int) -> None:
        self._due = None
        self._settime(None)  # makes the descriptor unreadable again

    def abandon(self) -> None:
        os.close(self._fd)

    def _settime(self, due: float | None) -> None:
        # 0 disarms, so an overdue alarm gets the first nanosecond of the clock.
        initial = 0 if due is None else max(1, int(min(due, _LATEST) * 1e9))
        spec = self._spec
        spec.seconds, spec.nanoseconds = divmod(initial, 1_000_000_000)
        _libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None)
