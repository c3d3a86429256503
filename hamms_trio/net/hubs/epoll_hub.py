"""The hub on Linux: an epoll of its own, awaited with ``trio.lowlevel.wait_readable``.

An epoll descriptor is readable when any descriptor in its set is. An idle connection costs some hundred octets, an
event some microseconds.
"""

from __future__ import annotations

import select

import trio

from hamms_trio.net.hubs.alarm import Alarm
from hamms_trio.net.hubs.hub import IN, Hub

# With more timers than this, waking for each costs more than a delay of a millisecond.
COALESCING_TIMERS = 2_000
COALESCING_SECONDS = 0.001
LONG_AGO = 0.0  # a time in the past


class EpollHub(Hub):
    """A hub on epoll and timerfd.

    Raises:
        OSError: the process has no descriptor left.
    """

    reports_left = True

    def __init__(self) -> None:
        super().__init__()
        self._epoll = select.epoll()
        self._alarm = Alarm()  # opened now, since later no descriptor may be left
        self.watch(self._alarm.fileno(), self._alarm, IN)

    def _register(self, fd: int, events: int) -> None:
        self._epoll.register(fd, events)

    def _modify(self, fd: int, events: int) -> None:
        self._epoll.modify(fd, events)

    def _unregister(self, fd: int) -> None:
        self._epoll.unregister(fd)

    def _poll(self, most: int) -> list[tuple[int, int]]:
        return self._epoll.poll(0, most)

    async def _sleep(self) -> None:
        self._wake()
        await trio.lowlevel.wait_readable(self._epoll.fileno())

    def _wake(self) -> None:
        """Set the alarm for the next timer, or at once if a call is ready."""
        if self._ready:
            self._alarm.set(LONG_AGO)
        elif not self._timers:
            self._alarm.set(None)
        else:
            due = self._timers[0][0]
            if len(self._timers) > COALESCING_TIMERS:
                due = max(due, min(self.now() + COALESCING_SECONDS, self._punctual))
            self._alarm.set(due)

    def _close(self) -> None:
        self._epoll.close()
