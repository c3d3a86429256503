"""The hub: one trio task that carries every listener, idle connection, quick answer and timer.

Why not a trio task per connection: what costs in trio is the machinery around each task's wait, not
Python and not parsing. A task parked in ``wait_readable`` takes 2 to 5 KB and 7 us to wake, a
``sleep`` about as much, and ten thousand of them waking each second are tens of milliseconds late.
So one task owns an epoll of its own, awaits that with ``trio.lowlevel.wait_readable`` (an epoll is
readable when anything in it is), and calls plain callbacks. Whoever it serves costs some hundred
octets and some microseconds; trio still owns the task, its cancellation and its neighbours' turns.

Failure modes are coroutines, and the hub steps them itself: what a mode awaits on its peer ends in a
``yield`` of what it waits for, and the callback that sees it come about sends the coroutine on (see
`connection.py`). A mode that never has to wait therefore costs no more than a function call.

Fairness: trio's other tasks get a turn after `TURN_SECONDS`, or after `BATCH` events if those take
longer; timers make room for events as soon; and a connection that could go on for ever is made to
``pause`` (see `connection.py`).
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from time import monotonic
from typing import Protocol

import trio

from hamms_trio.net.alarm import Alarm

BATCH = 64  # events that are heard of in one go
TURN_SECONDS = 0.002
COALESCING_TIMERS = (
    2_000  # with so many, waking for each of them costs more than being a little late
)
COALESCING_SECONDS = 0.001
STALE_TIMERS = 512
AT_ONCE = 0.0  # a time that has passed

IN, OUT, LEFT = select.EPOLLIN, select.EPOLLOUT, select.EPOLLRDHUP
LOST = select.EPOLLERR | select.EPOLLHUP


class Watcher(Protocol):
    """Whoever the hub tells about a descriptor's events."""

    def on_event(self, events: int) -> None: ...
    def abandon(self) -> None:
        """Close the descriptor; the hub is ending."""


class Timer:
    """One call to come, or None once it was made or cancelled."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[float], None]) -> None:
        self.callback: Callable[[float], None] | None = callback


class Hub:
    """Watches descriptors and times for callbacks that return at once."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watchers: dict[int, Watcher] = {}
        self._timers: list[tuple[float, int, Timer]] = []  # a heap
        self._timers_made = 0
        self._timers_stale = 0
        self._ready: deque[Callable[[], None]] = deque()
        self._sleeps = False
        self._alarm = Alarm()  # now, because later there may be no descriptor left for it
        # Whether other clients have been heard in this round that are still to be served.
        self.is_crowded = False
        self.before_sleep: Callable[[], None] = lambda: None  # called when nothing is left to do
        self.watch(self._alarm.fileno(), self._alarm, IN)

    def watch(self, fd: int, watcher: Watcher, events: int) -> None:
        """Tell ``watcher`` about these events (level-triggered) and about loss, until `forget`.

        Raises:
            OSError: the kernel has no memory for the registration.
        """
        self._epoll.register(fd, events)
        self._watchers[fd] = watcher

    def rewatch(self, fd: int, events: int) -> None:
        """Watch for other events."""
        self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching; to be called before the descriptor is closed."""
        if self._watchers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    @property
    def watchers(self) -> list[Watcher]:
        return list(self._watchers.values())

    def call_at(self, due: float, callback: Callable[[float], None]) -> Timer:
        """Call ``callback(due)`` at that time of `time.monotonic`, or a little later.

        Who asks may be a task, while the hub sleeps; otherwise the alarm is set when it goes to sleep.
        """
        self._timers_made = number = self._timers_made + 1
        timer = Timer(callback)
        heappush(self._timers, (due, number, timer))
        if self._sleeps:
            self._set_alarm()
        return timer

    def cancel(self, timer: Timer) -> None:
        """Never call it."""
        if timer.callback is None:
            return
        timer.callback = None
        self._timers_stale += 1
        if self._timers_stale > STALE_TIMERS and self._timers_stale * 2 > len(self._timers):
            self._timers[:] = [entry for entry in self._timers if entry[2].callback is not None]
            heapify(self._timers)
            self._timers_stale = 0

    def call_next(self, callback: Callable[[], None]) -> None:
        """Call it once the others have had their turn; who asks may be a task, while the hub sleeps."""
        self._ready.append(callback)
        if self._sleeps:
            self._alarm.set(AT_ONCE)

    def close(self) -> None:
        """Close whatever is still watched, and the epoll; `run` does so when it ends."""
        for watcher in self.watchers:
            watcher.abandon()
        self._watchers.clear()
        self._epoll.close()
        self._timers.clear()
        self._ready.clear()

    async def run(self) -> None:
        """Serve until cancelled; then close whatever is still watched.

        Callbacks must not raise: an exception here is a bug of ours, and ends the server.
        """
        poll, watchers = self._epoll.poll, self._watchers
        try:
            while True:
                self.before_sleep()
                self._set_alarm()
                self._sleeps = True
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                self._sleeps = False
                turn_ends, busy = monotonic() + TURN_SECONDS, True
                # Until nothing more has come: to look is cheap, and to sleep and be woken is not.
                while busy:
                    events = poll(0, BATCH)
                    self.is_crowded = len(events) > 1
                    for fd, event in events:
                        watcher = watchers.get(fd)  # an earlier callback may have forgotten it
                        if watcher is not None:
                            watcher.on_event(event)
                    self.is_crowded = False
                    has_more = self._run_due(turn_ends)
                    busy = has_more or bool(events)
                    if has_more or monotonic() >= turn_ends:
                        await trio.lowlevel.checkpoint()
                        turn_ends = monotonic() + TURN_SECONDS
        finally:
            self._sleeps = False
            self.close()

    def _run_due(self, turn_ends: float) -> bool:
        """Run what is ready, and what is due until the turn ends, or one of that; whether there is more."""
        ready, timers = self._ready, self._timers
        for _ in range(len(ready)):
            ready.popleft()()
        now = monotonic() if timers else 0.0
        while timers and timers[0][0] <= now:
            due, _, timer = heappop(timers)
            callback = timer.callback
            if callback is None:
                self._timers_stale -= 1
                continue
            timer.callback = None
            callback(due)
            now = monotonic()
            if now >= turn_ends:
                return True
        return bool(ready)

    def _set_alarm(self) -> None:
        if self._ready:  # what a task has asked for while it had its turn
            self._alarm.set(AT_ONCE)
            return
        if not self._timers:
            self._alarm.set(None)
            return
        due = self._timers[0][0]
        if len(self._timers) > COALESCING_TIMERS:
            due = max(due, monotonic() + COALESCING_SECONDS)
        self._alarm.set(due)
