"""The hub on plain trio, for every platform: one task for each event of each watched descriptor.

Such a task waits, reports its event to the hub and stays parked until the hub has served the event. Events are
therefore served in the hub's order and never twice, and a descriptor with a queued event costs nothing. A task
whose descriptor has been forgotten reports nothing.

Events are `IN` and `OUT` only: a read shows whether the client has closed its side.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic

import trio

from hamms_trio.net.hubs.hub import IN, OUT, Hub


class TrioHub(Hub):
    """A hub on ``trio.lowlevel.wait_readable``, ``wait_writable`` and trio's clock."""

    # One for the task's start, one for trio's poll of the descriptor, one for the report, one to spare.
    _polls_until_idle = 4

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        super().__init__(now)
        self._wanted: dict[int, int] = {}
        self._scopes: dict[tuple[int, int], trio.CancelScope] = {}  # by descriptor and event
        self._reported: dict[int, int] = {}
        self._parked: dict[tuple[int, int], trio.Event] = {}
        self._awake = trio.Event()
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for fd in self._wanted:
                self._start(fd)
            try:
                await super().run()
            finally:
                self._nursery = None
                nursery.cancel_scope.cancel()

    # See `Hub`

    def _register(self, fd: int, events: int) -> None:
        self._wanted[fd] = events
        self._start(fd)

    def _modify(self, fd: int, events: int) -> None:
        self._wanted[fd] = events
        self._reported.pop(fd, None)  # the event may not be wanted any more
        for event in (IN, OUT):
            if not events & event:
                self._stop(fd, event)
            elif (parked := self._parked.pop((fd, event), None)) is not None:
                parked.set()
        self._start(fd)

    def _unregister(self, fd: int) -> None:
        del self._wanted[fd]
        self._reported.pop(fd, None)
        self._stop(fd, IN)
        self._stop(fd, OUT)

    def _poll(self, most: int) -> list[tuple[int, int]]:
        self._resume_served()
        reported = list(self._reported.items())
        self._reported.clear()
        return reported

    async def _sleep(self) -> None:
        self._resume_served()  # those whose queued events were served after the last poll
        if self._reported or self._ready:
            await trio.lowlevel.checkpoint()
            return
        due = self._timers[0][0] if self._timers else inf
        self._awake = trio.Event()
        with trio.CancelScope(deadline=self._deadline(due)):
            await self._awake.wait()

    def _wake(self) -> None:
        self._awake.set()

    def _close(self) -> None:
        for fd in list(self._wanted):
            self._unregister(fd)

    # Replaced by the hub in memory

    def _deadline(self, due: float) -> float:
        """Convert a time of the hub's clock to trio's clock."""
        return trio.current_time() + due - self.now()

    async def _wait(self, fd: int, event: int) -> None:
        """Wait until a descriptor is readable or writable.

        Raises:
            OSError, ValueError, trio.ClosedResourceError: the descriptor is closed or can't be watched.
        """
        if event == IN:
            await trio.lowlevel.wait_readable(fd)
        else:
            await trio.lowlevel.wait_writable(fd)

    # Tasks

    def _start(self, fd: int) -> None:
        """Start the missing tasks of a descriptor; none before `run`."""
        for event in (IN, OUT):
            if self._wanted[fd] & event and self._nursery and (fd, event) not in self._scopes:
                self._scopes[fd, event] = scope = trio.CancelScope()
                self._nursery.start_soon(self._attend, fd, event, scope)

    def _stop(self, fd: int, event: int) -> None:
        self._parked.pop((fd, event), None)
        scope = self._scopes.pop((fd, event), None)
        if scope is not None:
            scope.cancel()

    async def _attend(self, fd: int, event: int, scope: trio.CancelScope) -> None:
        with scope:
            while not scope.cancel_called:
                try:
                    await self._wait(fd, event)
                except (OSError, ValueError, trio.ClosedResourceError):
                    return
                if scope.cancel_called:  # forgotten between the event and this task's turn
                    return
                self._reported[fd] = self._reported.get(fd, 0) | event
                self._parked[fd, event] = served = trio.Event()
                self._awake.set()
                await served.wait()

    def _resume_served(self) -> None:
        """Resume the tasks whose events were served; those with a queued event stay parked."""
        held, reported = self._queued_fds, self._reported
        for key in [key for key in self._parked if key[0] not in held and key[0] not in reported]:
            self._parked.pop(key).set()
