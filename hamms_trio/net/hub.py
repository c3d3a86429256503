"""The hub: one trio task that carries every listener, idle connection, quick answer and timer.

Why not a trio task per connection: the machinery around each task's wait costs, and Python and parsing do not. A
task parked in ``wait_readable`` takes 2 to 5 KB and 7 us to wake, a ``sleep`` about as much, and ten thousand of
them waking each second are tens of milliseconds late. So one task calls plain callbacks, on Linux from an epoll of
its own (`epoll_hub.py`), and elsewhere from what trio says of each descriptor (`trio_hub.py`). trio still owns the
task, its cancellation and its neighbours' turns. Everything above sees `Hub`, and therefore exists once.

Failure modes are coroutines, and the hub steps them itself: whatever a mode awaits on its peer ends in a ``yield``
of a `Wait`, and the callback that sees its end sends the coroutine on (see `lab/connection.py`). A mode that never
has to wait therefore costs no more than a function call.

Fairness: a turn is bounded by time. The hub looks at the clock after each callback, and trio's other tasks run
after `TURN_SECONDS`. Events that the turn had no time for wait by group (`Watcher.group`), and the groups take
turns of `QUANTUM_SECONDS`, between which the hub looks for new events: five hundred clients that keep one port
busy delay another port by milliseconds. A connection that could go on for ever has to ``pause``.

Punctuality after a pause of the process (SIGSTOP, a suspended machine): a timer that is late by `PAUSE_SECONDS` or
more does not run before everything that is readable was read, so that no deadline passes for want of octets
that have arrived.
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

BATCH = 64  # events that one poll asks for, as long as no event waits for its turn
OVERLOADED_BATCH = 2048  # and otherwise, so that a quiet port's event is among them
TURN_SECONDS = 0.002
QUANTUM_SECONDS = (
    0.0005  # of one group's events, while other groups wait; of ready calls and timers in any turn
)
PAUSE_SECONDS = 0.25  # a timer that is later than this has slept with the process
CATCH_UP_SECONDS = 1.0  # a flood of events delays such timers by this at most
STALE_TIMERS = 512

# The numbers of epoll_ctl(2), which epoll therefore takes as they are; other hubs translate them.
IN, OUT, LEFT = 0x1, 0x4, 0x2000
LOST = 0x8 | 0x10

CHOICE = "HAMMS_HUB"  # the environment variable that chooses a hub
KINDS = ("epoll", "trio")


class Watcher(Protocol):
    """The owner of a descriptor, which the hub calls for the descriptor's events."""

    @property
    def group(self) -> Hashable:
        """The name of those with whom it shares its turns when the hub is overloaded; a port, for example."""

    def on_event(self, events: int) -> None: ...
    def abandon(self) -> None:
        """Close the descriptor; the hub is ending."""


class Timer:
    """One call to come, or None once it was made or cancelled."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[float], None]) -> None:
        self.callback: Callable[[float], None] | None = callback


class Hub(ABC):
    """Watches descriptors and times for callbacks that return at once.

    Args:
        now: the clock of all timers.

    Attributes:
        reports_left: True if events say that the client has closed its side (`LEFT`) before its octets are read.
        is_crowded: True if other clients' events of this round are still to be served.
        before_sleep: is called when nothing is left to do.
    """

    reports_left = False
    _looks_until_idle = 1  # without an event, and nothing has come

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self.now = now
        self.is_crowded = False
        self.before_sleep: Callable[[], None] = lambda: None
        self._watchers: dict[int, Watcher] = {}
        self._timers: list[tuple[float, int, Timer]] = []  # a heap
        self._timers_made = 0
        self._timers_stale = 0
        self._punctual = inf  # the time of the call that `call_on_time` promised
        self._ready: deque[Callable[[], None]] = deque()
        self._waiting: dict[Hashable, dict[int, int]] = {}  # events by descriptor, by group
        self._held: set[int] = set()  # the descriptors of all of these
        self._catches_up_until = inf  # while late timers wait for events; inf otherwise
        self._idle_looks = 0
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
        """Watch for other events."""
        if fd in self._held:
            self._drop_waiting(fd)
        self._modify(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching; the owner calls this before it closes the descriptor."""
        if self._watchers.pop(fd, None) is not None:
            if fd in self._held:
                self._drop_waiting(fd)
            self._unregister(fd)

    @property
    def watchers(self) -> list[Watcher]:
        return list(self._watchers.values())

    # Times

    def call_at(self, due: float, callback: Callable[[float], None]) -> Timer:
        """Call ``callback(due)`` at that time of `now`, or a little later.

        A task may ask while the hub sleeps, and wakes it; otherwise the hub looks before it goes to sleep.
        """
        self._timers_made = number = self._timers_made + 1
        timer = Timer(callback)
        heappush(self._timers, (due, number, timer))
        if self._sleeps:
            self._wake()
        return timer

    def call_on_time(self, due: float, callback: Callable[[float], None]) -> None:
        """Do the same for one that can't be a little late; only one such call may be outstanding."""
        self._punctual = due
        self.call_at(due, callback)

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

    @property
    def timers(self) -> int:
        """The number of timers that are kept, cancelled ones included."""
        return len(self._timers)

    def call_next(self, callback: Callable[[], None]) -> None:
        """Call it once the others have had their turn; a task may ask while the hub sleeps."""
        self._ready.append(callback)
        if self._sleeps:
            self._wake()

    # Running

    async def run(self) -> None:
        """Serve until cancelled; then close whatever is still watched.

        Callbacks must not raise: an exception here is a bug of ours, and ends the server.
        """
        poll, now = self._poll, self.now
        try:
            while True:
                self.before_sleep()
                self._sleeps = True
                await self._sleep()
                self._sleeps = False
                turn_ends, busy = now() + TURN_SECONDS, True
                # Until nothing more has come: to look is cheap, and to sleep and be woken is not.
                while busy:
                    events = poll(OVERLOADED_BATCH if self._waiting else BATCH)
                    has_more = self._serve(events, turn_ends)
                    if self._run_due(turn_ends, is_idle=not (events or has_more)):
                        has_more = True
                    busy = has_more or bool(events)
                    if has_more or now() >= turn_ends:
                        await trio.lowlevel.checkpoint()
                        turn_ends = now() + (QUANTUM_SECONDS if self._waiting else TURN_SECONDS)
        finally:
            self._sleeps = False
            self.close()

    def close(self) -> None:
        """Close whatever is still watched, and the hub's own descriptors; `run` does so when it ends."""
        for watcher in self.watchers:
            watcher.abandon()
        self._watchers.clear()
        self._timers.clear()
        self._ready.clear()
        self._waiting.clear()
        self._held.clear()
        self._close()

    # Events

    def _serve(self, events: list[tuple[int, int]], turn_ends: float) -> bool:
        """Serve these events, or some of them until the turn ends; True if others still wait."""
        if self._waiting:
            self._put_off(events)
            self._serve_waiting(turn_ends)
            return bool(self._waiting)
        watchers, now = self._watchers, self.now
        left = len(events)
        self.is_crowded = left > 1
        for fd, event in events:
            left -= 1
            watcher = watchers.get(fd)  # an earlier callback may have forgotten it
            if watcher is not None:
                watcher.on_event(event)
                if left and now() >= turn_ends:
                    self._put_off(events[-left:])
                    break
        self.is_crowded = False
        return bool(self._waiting)

    def _put_off(self, events: Iterable[tuple[int, int]]) -> None:
        watchers, held = self._watchers, self._held
        for fd, event in events:
            if fd not in held and (watcher := watchers.get(fd)) is not None:
                held.add(fd)
                self._waiting.setdefault(watcher.group, {})[fd] = event

    def _serve_waiting(self, turn_ends: float) -> None:
        """Serve the groups in turn, each for a quantum, until the turn ends; at least one event."""
        waiting, watchers, held, now = self._waiting, self._watchers, self._held, self.now
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
                waiting[group] = events  # behind the others
            if time >= turn_ends:
                break
        self.is_crowded = False

    def _drop_waiting(self, fd: int) -> None:
        """Forget its event, which will be reported again if its owner still wants it."""
        self._held.discard(fd)
        for events in self._waiting.values():
            events.pop(fd, None)

    # Ready calls and timers

    def _run_due(self, turn_ends: float, *, is_idle: bool) -> bool:
        """Run ready calls and due timers until the turn ends, for a quantum at least; True if more wait."""
        ready, timers, now = self._ready, self._timers, self.now
        if ready:
            ends = max(turn_ends, now() + QUANTUM_SECONDS)
            for _ in range(len(ready)):
                ready.popleft()()
                if now() >= ends:
                    break
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

    def _is_catching_up(self, time: float, *, is_idle: bool) -> bool:
        """True if timers have to wait: the process was paused, and what came meanwhile is not read yet."""
        if self._timers[0][0] > time - PAUSE_SECONDS:
            self._catches_up_until, self._idle_looks = inf, 0
            return False
        if self._catches_up_until == inf:  # the pause may have come after the last look at events
            self._catches_up_until = time + CATCH_UP_SECONDS
            return True
        self._idle_looks = self._idle_looks + 1 if is_idle else 0
        if self._idle_looks >= self._looks_until_idle:
            # Everything was read: late timers run until none is late any more.
            self._catches_up_until = -inf
        return time < self._catches_up_until

    # Each kind's own

    @abstractmethod
    def _register(self, fd: int, events: int) -> None: ...
    @abstractmethod
    def _modify(self, fd: int, events: int) -> None: ...
    @abstractmethod
    def _unregister(self, fd: int) -> None: ...
    @abstractmethod
    def _poll(self, most: int) -> list[tuple[int, int]]:
        """Return events that have come, without waiting; ``most`` is advice."""

    @abstractmethod
    async def _sleep(self) -> None:
        """Wait for an event, the next timer or `_wake`; it has to be a checkpoint."""

    @abstractmethod
    def _wake(self) -> None:
        """End the sleep in time for the first timer, or at once if a call is ready."""

    @abstractmethod
    def _close(self) -> None: ...


def open_hub(kind: str | None = None) -> Hub:
    """Open the hub that suits this platform.

    Args:
        kind: "epoll" or "trio", instead of what the environment variable HAMMS_HUB says; without both, epoll
            where the platform has it.

    Raises:
        HubUnavailable: there is no such hub, or not on this platform.
    """
    has_epoll = hasattr(select, "epoll")
    chosen = kind or os.environ.get(CHOICE) or ("epoll" if has_epoll else "trio")
    if chosen not in KINDS:
        raise HubUnavailable(f"there is no hub {chosen!r}: choose {' or '.join(KINDS)}")
    if chosen == "trio":
        from hamms_trio.net.trio_hub import TrioHub

        return TrioHub()
    if not has_epoll:
        raise HubUnavailable("this platform has no epoll: choose the hub trio")
    from hamms_trio.net.epoll_hub import EpollHub

    return EpollHub()
