"""The hub: one trio task that carries every listener, idle connection, quick answer and timer.

Why not a trio task per connection: the machinery around each task's wait costs more than Python and parsing do. A
task parked in ``wait_readable`` takes 2 to 5 KB and 7 us to wake, a ``sleep`` about as much, and ten thousand of
them waking each second are tens of milliseconds late. So one task calls plain callbacks, on Linux from an epoll of
its own (`epoll_hub.py`), elsewhere from trio's waits on each descriptor (`trio_hub.py`). trio still owns the task,
its cancellation and the turns of other tasks. All code above sees only `Hub` and therefore exists once.

Failure modes are coroutines, and the hub steps them itself: each await on the peer ends in a ``yield`` of a `Wait`,
and the callback for the awaited event resumes the coroutine (see `lab/connection.py`). A mode that never waits
therefore costs no more than a function call.

Fairness: a turn is bounded by time. The hub reads the clock after each callback, and trio's other tasks run
after `TURN_SECONDS`. Events that the turn had no time for are queued by group (`Watcher.group`); the groups take
turns of `QUANTUM_SECONDS`, between which the hub polls for new events: five hundred clients that keep one port
busy delay another port by milliseconds. A connection that could run without end has to ``pause``.

Punctuality after a pause of the process (SIGSTOP, a suspended machine): a timer that is late by `PAUSE_SECONDS` or
more runs only after all readable octets have been read, so that no deadline expires while its octets wait in a
socket.
"""

from __future__ import annotations

import os
import select
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from heapq import heapify, heappop, heappush
from math import inf
from time import monotonic
from typing import Protocol

import trio

from hamms_trio.errors import HubUnavailable

BATCH = 64  # events per poll while no event is queued
OVERLOADED_BATCH = 2048  # events per poll otherwise, so that a quiet port's event is among them
TURN_SECONDS = 0.002
# For one group's events while other groups wait, and for ready calls and timers in any turn.
QUANTUM_SECONDS = 0.0005
PAUSE_SECONDS = 0.25  # a timer that is later than this: the process was paused
CATCH_UP_SECONDS = 1.0  # a flood of events delays such timers by this at most
STALE_TIMERS = 512

# The bits of epoll_ctl(2); other hubs translate them.
IN, OUT, LEFT = 0x1, 0x4, 0x2000
LOST = 0x8 | 0x10

CHOICE = "HAMMS_HUB"  # the environment variable that chooses a hub
HUB_KINDS = ("epoll", "trio")


class Watcher(Protocol):
    """The owner of a descriptor, which the hub calls for the descriptor's events."""

    @property
    def group(self) -> Hashable:
        """The group whose turns the watcher shares when the hub is overloaded, such as a port."""

    def on_event(self, events: int) -> None: ...
    def abandon(self) -> None:
        """Close the descriptor, because the hub ends."""


class Timer:
    """A scheduled call; ``callback`` is None once it was made or cancelled."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[float], None]) -> None:
        self.callback: Callable[[float], None] | None = callback


class Hub(ABC):
    """A loop that calls short callbacks for the events of descriptors and at given times.

    Args:
        now: the clock of all timers.

    Attributes:
        reports_left: True if an event (`LEFT`) reports that the client has closed its side, before a read does.
        is_crowded: True while other clients' events of this round are pending.
        before_sleep: the callback for when the hub has nothing left to do.
    """

    reports_left = False
    _polls_until_idle = 1  # empty polls after which nothing is pending

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self.now = now
        self.is_crowded = False
        self.before_sleep: Callable[[], None] = lambda: None
        self._watchers: dict[int, Watcher] = {}
        self._timers: list[tuple[float, int, Timer]] = []  # a heap
        self._timers_made = 0
        self._timers_stale = 0
        self._punctual = inf  # the time of the call by `call_on_time`
        self._ready: dict[Hashable, deque[Callable[[], None]]] = {}  # ready calls by group
        self._queued: dict[Hashable, dict[int, int]] = {}  # queued events by descriptor, by group
        self._queued_fds: set[int] = set()  # the descriptors of all queued events
        self._catches_up_until = inf  # while late timers wait for events; inf otherwise
        self._idle_polls = 0
        self._sleeps = False

    # Descriptors

    def watch(self, fd: int, watcher: Watcher, events: int) -> None:
        """Call ``watcher`` for these events (level-triggered) and for loss, until `forget`.

        Raises:
            OSError: the kernel has no memory for the registration.
        """
        self._register(fd, events)
        self._watchers[fd] = watcher

    def rewatch(self, fd: int, events: int) -> None:
        """Change the events to watch for."""
        if fd in self._queued_fds:
            self._unqueue(fd)
        self._modify(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching; the owner calls this before it closes the descriptor."""
        if self._watchers.pop(fd, None) is not None:
            if fd in self._queued_fds:
                self._unqueue(fd)
            self._unregister(fd)

    @property
    def watchers(self) -> list[Watcher]:
        return list(self._watchers.values())

    # Times

    def call_at(self, due: float, callback: Callable[[float], None]) -> Timer:
        """Call ``callback(due)`` at that time of `now`, or a little later.

        A call from another task wakes the hub if it sleeps.
        """
        self._timers_made = number = self._timers_made + 1
        timer = Timer(callback)
        heappush(self._timers, (due, number, timer))
        if self._sleeps:
            self._wake()
        return timer

    def call_on_time(self, due: float, callback: Callable[[float], None]) -> None:
        """Call ``callback(due)`` without coalescing; only one such call may be scheduled."""
        self._punctual = due
        self.call_at(due, callback)

    def cancel(self, timer: Timer) -> None:
        """Cancel a scheduled call."""
        if timer.callback is None:
            return
        timer.callback = None
        self._timers_stale += 1
        if self._timers_stale > STALE_TIMERS and self._timers_stale * 2 > len(self._timers):
            self._timers[:] = [entry for entry in self._timers if entry[2].callback is not None]
            heapify(self._timers)
            self._timers_stale = 0

    @property
    def timers(self) -> int:
        """The number of timers in the heap, cancelled ones included."""
        return len(self._timers)

    def call_next(self, callback: Callable[[], None], group: Hashable = None) -> None:
        """Call ``callback`` in the next turn; a call from another task wakes the hub.

        Args:
            group: the group whose turns the call shares if many wait (see `Watcher.group`).
        """
        calls = self._ready.get(group)
        if calls is None:
            calls = self._ready[group] = deque()
        calls.append(callback)
        if self._sleeps:
            self._wake()

    # Running

    async def run(self) -> None:
        """Serve until cancelled; then close every watched descriptor.

        Callbacks must not raise: an exception here is a bug in hamms-trio and ends the server.
        """
        poll, now = self._poll, self.now
        try:
            while True:
                self.before_sleep()
                self._sleeps = True
                await self._sleep()
                self._sleeps = False
                turn_ends, busy = now() + TURN_SECONDS, True
                # Poll until nothing more has come, since a poll is cheaper than a sleep and a wake-up.
                while busy:
                    events = poll(OVERLOADED_BATCH if self._queued else BATCH)
                    has_more = self._serve(events, turn_ends)
                    if self._run_due(turn_ends, is_idle=not (events or has_more)):
                        has_more = True
                    busy = has_more or bool(events)
                    # A further round of events would hardly fit into less than half of a turn.
                    if has_more or turn_ends - now() < TURN_SECONDS / 2:
                        await trio.lowlevel.checkpoint()
                        several_wait = len(self._queued) > 1
                        turn_ends = now() + (QUANTUM_SECONDS if several_wait else TURN_SECONDS)
        finally:
            self._sleeps = False
            self.close()

    def close(self) -> None:
        """Close every watched descriptor and the hub's own; `run` does so at its end."""
        for watcher in self.watchers:
            watcher.abandon()
        self._watchers.clear()
        self._timers.clear()
        self._ready.clear()
        self._queued.clear()
        self._queued_fds.clear()
        self._close()

    # Events

    def _serve(self, events: list[tuple[int, int]], turn_ends: float) -> bool:
        """Serve these events until the turn ends, queue the rest, and return True if any are queued."""
        if self._queued:
            self._queue(events)
            self._serve_queued(turn_ends)
            return bool(self._queued)
        watchers, now = self._watchers, self.now
        left = len(events)
        self.is_crowded = left > 1
        for fd, event in events:
            left -= 1
            watcher = watchers.get(fd)  # an earlier callback may have forgotten it
            if watcher is not None:
                watcher.on_event(event)
                if left and now() >= turn_ends:
                    self._queue(events[-left:])
                    break
        self.is_crowded = False
        return bool(self._queued)

    def _queue(self, events: Iterable[tuple[int, int]]) -> None:
        watchers, held = self._watchers, self._queued_fds
        for fd, event in events:
            if fd not in held and (watcher := watchers.get(fd)) is not None:
                held.add(fd)
                self._queued.setdefault(watcher.group, {})[fd] = event

    def _serve_queued(self, turn_ends: float) -> None:
        """Serve queued events, a quantum for each group, until the turn ends; at least one event."""
        waiting, watchers, held, now = self._queued, self._watchers, self._queued_fds, self.now
        self.is_crowded = True
        time = now()
        while waiting:
            group = next(iter(waiting))
            events, quantum_ends = waiting[group], time + QUANTUM_SECONDS
            while events and time < quantum_ends:
                fd = next(iter(events))
                event, watcher = events.pop(fd), watchers.get(fd)
                held.discard(fd)
                if watcher is not None:
                    watcher.on_event(event)
                time = now()
            del waiting[group]
            if events:
                waiting[group] = events  # after the other groups
            if time >= turn_ends:
                break
        self.is_crowded = False

    def _unqueue(self, fd: int) -> None:
        """Drop the descriptor's queued event; a poll reports the event again if it still holds."""
        self._queued_fds.discard(fd)
        for events in self._queued.values():
            events.pop(fd, None)

    # Ready calls and timers

    def _run_due(self, turn_ends: float, *, is_idle: bool) -> bool:
        """Run ready calls and due timers until the turn ends, for at least a quantum; return True if more wait."""
        ready, timers, now = self._ready, self._timers, self.now
        if ready:
            self._run_ready(max(turn_ends, now() + QUANTUM_SECONDS))
        if not timers:
            return bool(ready)
        time = now()
        if self._is_catching_up(time, is_idle=is_idle):
            return True
        ends = max(turn_ends, time + QUANTUM_SECONDS)
        while timers and timers[0][0] <= time:
            due, _, timer = heappop(timers)
            callback = timer.callback
            if callback is None:
                self._timers_stale -= 1
                continue
            timer.callback = None
            if due >= self._punctual:
                self._punctual = inf
            callback(due)
            time = now()
            if time >= ends:
                return True
        return bool(ready)

    def _run_ready(self, ends: float) -> None:
        """Run the calls that are ready now, a quantum for each group, until the turn ends."""
        ready, now = self._ready, self.now
        for group in list(ready):
            calls = ready.pop(group)
            quantum_ends = now() + QUANTUM_SECONDS
            for _ in range(len(calls)):
                calls.popleft()()
                time = now()
                if time >= quantum_ends:
                    break
            if calls:  # after the other groups, and before the calls that these have caused
                calls.extend(ready.pop(group, ()))
                ready[group] = calls
            if time >= ends:
                return

    def _is_catching_up(self, time: float, *, is_idle: bool) -> bool:
        """Return True if timers have to wait until octets that came during a pause are read."""
        if self._timers[0][0] > time - PAUSE_SECONDS:
            self._catches_up_until, self._idle_polls = inf, 0
            return False
        if self._catches_up_until == inf:  # the pause may have come after the last poll
            self._catches_up_until = time + CATCH_UP_SECONDS
            return True
        self._idle_polls = self._idle_polls + 1 if is_idle else 0
        if self._idle_polls >= self._polls_until_idle:
            # All octets are read: late timers run until none is late.
            self._catches_up_until = -inf
        return time < self._catches_up_until

    # Implemented by each kind of hub

    @abstractmethod
    def _register(self, fd: int, events: int) -> None: ...
    @abstractmethod
    def _modify(self, fd: int, events: int) -> None: ...
    @abstractmethod
    def _unregister(self, fd: int) -> None: ...
    @abstractmethod
    def _poll(self, most: int) -> list[tuple[int, int]]:
        """Return pending events without waiting; ``most`` is a hint."""

    @abstractmethod
    async def _sleep(self) -> None:
        """Wait for an event, the next timer or `_wake`; this is always a checkpoint."""

    @abstractmethod
    def _wake(self) -> None:
        """End the sleep in time for the first timer, or at once if a call is ready."""

    @abstractmethod
    def _close(self) -> None: ...


def open_hub(kind: str | None = None) -> Hub:
    """Open the hub that suits this platform.

    Args:
        kind: "epoll" or "trio"; by default the value of the environment variable HAMMS_HUB, or else epoll
            where the platform has it.

    Raises:
        HubUnavailable: no such hub exists, or the platform lacks it.
    """
    has_epoll = hasattr(select, "epoll")
    chosen = kind or os.environ.get(CHOICE) or ("epoll" if has_epoll else "trio")
    if chosen not in HUB_KINDS:
        raise HubUnavailable(f"there is no hub {chosen!r}: choose {' or '.join(HUB_KINDS)}")
    if chosen == "trio":
        from hamms_trio.net.hubs.trio_hub import TrioHub

        return TrioHub()
    if not has_epoll:
        raise HubUnavailable("this platform has no epoll: choose the hub trio")
    from hamms_trio.net.hubs.epoll_hub import EpollHub

    return EpollHub()
