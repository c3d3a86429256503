"""The bus: events on their way to subscribers, none of whom can slow the server down."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from hamms_trio.events import Event, Lost
    from hamms_trio.recording.publisher import Publisher

QUEUED_EVENTS = 10_000  # about 2 MiB


class Subscription:
    """One subscriber's queue: ``async for event in subscription``.

    A full queue takes no more events until it is read; a `Lost` stands where events are missing.
    """

    def __init__(self, limit: int = QUEUED_EVENTS) -> None:
        self._limit = limit
        self._queue: deque[Event | Lost] = deque()
        self._lost = 0
        self._arrived = trio.Event()

    def put(self, event: Event) -> None:
        """Queue an event, or count it as lost."""
        queue = self._queue
        if len(queue) >= self._limit:
            self._lost += 1
            return
        self._note_lost()
        queue.append(event)
        self._arrived.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event | Lost:
        await self.wait()
        return self._queue.popleft()

    async def wait(self) -> None:
        """Wait until there is something to take."""
        while not self._queue:
            self._note_lost()
            if self._queue:
                break
            self._arrived = trio.Event()
            await self._arrived.wait()

    def take(self) -> list[Event | Lost]:
        """Take all queued events, without waiting for more."""
        self._note_lost()
        taken = list(self._queue)
        self._queue.clear()
        return taken

    def _note_lost(self) -> None:
        if self._lost:
            from hamms_trio.events import Lost

            self._queue.append(Lost(self._lost))
            self._lost = 0


class Bus:
    """The subscribers of one server.

    Attributes:
        publisher: builds events for the subscribers; None if there are none, so that no event need be built.
    """

    def __init__(self) -> None:
        self.publisher: Publisher | None = None
        self._subscriptions: list[Subscription] = []

    @contextmanager
    def subscribe(self, limit: int = QUEUED_EVENTS) -> Iterator[Subscription]:
        """Receive every event while the ``with`` block runs."""
        # Takes longer than most servers' start.
        from hamms_trio.recording.publisher import Publisher

        subscription = Subscription(limit)
        self._subscriptions.append(subscription)
        self.publisher = Publisher(self.publish)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
            if not self._subscriptions:
                self.publisher = None

    def publish(self, event: Event) -> None:
        """Hand an event to every subscriber."""
        for subscription in self._subscriptions:
            subscription.put(event)
