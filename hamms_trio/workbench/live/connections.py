"""The feed of connection events, from the bus into the log, for as long as anybody watches.

Nobody pays for the events otherwise: without a subscriber, the bus builds none. Octets that one connection sends or
receives within a moment are one event, because a thousand streams would fill the log within a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from hamms_trio.recording.recorder import Recording
from hamms_trio.workbench.live.events import EventLog
from hamms_trio.workbench.live.narration import Narrator
from hamms_trio.workbench.live.selection import Selection

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from hamms_trio.recording.bus import Subscription

PAUSE = 0.02  # seconds in which events are collected
LOOKED_SECONDS = 10.0  # a caller who polls for pages does so at least this often


class ConnectionFeed:
    """The subscriber of the bus on behalf of all watchers.

    Args:
        clock: seconds, for the timeout of callers who poll for pages.
    """

    def __init__(
        self,
        recording: Recording,
        log: EventLog,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._bus = recording.bus
        self._narrator = Narrator(recording.ledger, log, wall_clock() - time.monotonic())
        self._clock = clock
        self._watchers = 0
        self._looked_until = 0.0
        self._block: AbstractContextManager[Subscription] | None = None
        self._subscription: Subscription | None = None
        self._began = trio.Event()

    @contextmanager
    def watched(self, selection: Selection) -> Iterator[None]:
        """Listen while the ``with`` block runs, if the selection has events of connections."""
        if not selection.has_connections:
            yield
            return
        self._watchers += 1
        self._begin()
        try:
            yield
        finally:
            self._watchers -= 1
            self._end_unless_wanted()

    def look(self, selection: Selection) -> None:
        """Bring the log up to date for one page, and keep listening until the next page is due."""
        if selection.has_connections:
            self._looked_until = self._clock() + LOOKED_SECONDS
            self._begin()
            self._pass_on()

    async def run(self) -> None:
        """Pass events on until cancelled."""
        try:
            while True:
                await self._began.wait()
                while (subscription := self._subscription) is not None:
                    with trio.move_on_after(LOOKED_SECONDS / 4):
                        await subscription.wait()
                    await trio.sleep(PAUSE)
                    self._pass_on()
                    self._end_unless_wanted()
        finally:
            self._end()

    def _begin(self) -> None:
        if self._subscription is None:
            self._block = self._bus.subscribe()
            self._subscription = self._block.__enter__()
            self._began.set()

    def _end_unless_wanted(self) -> None:
        if not self._watchers and self._clock() >= self._looked_until:
            self._end()

    def _end(self) -> None:
        if self._block is not None:
            self._pass_on()
            self._block.__exit__(None, None, None)
            self._block = self._subscription = None
            self._narrator.forget()
            self._began = trio.Event()

    def _pass_on(self) -> None:
        if self._subscription is not None:
            self._narrator.narrate(self._subscription.take())
