"""The event log: each event is published once, and each subscriber reads at its own pace.

A subscriber holds a position in the one shared log and has no queue. The server therefore never waits for a slow
subscriber: events that were evicted before it read them are reported to it as a gap. Event ids increase over
restarts; after a crash some ids are skipped, and none is used twice.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from math import inf
from operator import attrgetter

import msgspec
import trio

from hamms_trio.recording.store import Store
from hamms_trio.workbench.live.selection import ABOUT_NOTHING, ALL, About, Selection
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.times import timestamp

LOG_EVENTS = 5_000
RESERVED_IDS = 100_000  # ids at once; a new block is reserved when half of it is used
SOURCE = "server"
# The least seconds between two deliveries, for each subscriber: with many of them, waking each one for each
# event would take all of the processor's time.
SECONDS_PER_SUBSCRIBER = 25e-6
MAX_PAUSE = 0.04

_of_id = attrgetter("id")


class LogEvent(msgspec.Struct, gc=False):
    """An event. Its JSON is written once for all subscribers, when the first of them or the store reads it."""

    id: int
    type: str
    about: About = ABOUT_NOTHING
    payload: Document | msgspec.Struct = {}
    trace_id: str = ""
    seconds: float = 0.0  # since the epoch
    written: bytes = b""

    @property
    def document(self) -> bytes:
        """The JSON of the event; the store's thread may write it at the same time, with the same result."""
        return self.written or self._write()

    def _write(self) -> bytes:
        self.written = msgspec.json.encode(
            {
                "id": self.id,
                "payload": self.payload,
                "source": SOURCE,
                "trace_id": self.trace_id,
                "ts": timestamp(int(self.seconds * 1000)),
                "type": self.type,
            }
        )
        return self.written


class Rendered(msgspec.Struct, frozen=True, gc=False):
    """Events as the octets that a subscriber gets.

    Attributes:
        position: the position after the events.
        has_more: True if the log may have further events.
    """

    octets: bytes
    position: int
    has_more: bool


class Gap(msgspec.Struct, frozen=True):
    """A gap: events that were evicted before the subscriber read them.

    Attributes:
        latest_id, oldest_id: of the log; every event between the subscriber's position and ``oldest_id`` is lost.
    """

    latest_id: int
    oldest_id: int


class EventLog:
    """The log of the newest events.

    Args:
        kept: the number of events.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self, store: Store, *, kept: int = LOG_EVENTS, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._kept = kept
        self._wall_clock = wall_clock
        self._events: list[LogEvent] = []
        self._next_id = 1
        self._reserved = 0  # the last id that no other process uses
        self._published = trio.Event()
        self._released = trio.Event()
        self._has_leader = False
        self._rendered: dict[tuple[int, int, object], Rendered] = {}  # of the latest event
        self._is_half_used = trio.Event()
        self._following: range | None = None  # reserved ids that come after `_reserved`
        self.subscribers = 0

    async def load(self) -> None:
        """Load the events of the previous process, and reserve ids."""
        self._events = [
            _read(id, document) for id, document in await self._store.events(0, self._kept)
        ]
        ids = await self._reserve()
        self._next_id, self._reserved = ids.start, ids.stop - 1

    async def close(self) -> None:
        """Return the unused ids to the store, so that the next process continues with them."""
        await self._store.return_events(self._next_id)

    async def run(self) -> None:
        """Reserve ids before they are needed, until cancelled."""
        while True:
            await self._is_half_used.wait()
            self._following = await self._reserve()
            self._is_half_used = trio.Event()

    @property
    def latest_id(self) -> int:
        return self._next_id - 1

    @property
    def oldest_id(self) -> int:
        """The id of the oldest event that is kept, or of the next one to come."""
        return self._events[0].id if self._events else self._next_id

    def publish(
        self,
        type: str,
        payload: Document | msgspec.Struct,
        trace_id: str = "",
        *,
        about: About = ABOUT_NOTHING,
        at: float | None = None,
    ) -> None:
        """Add an event, and wake the subscribers.

        Args:
            at: the time of the event, in seconds since the epoch; None for now.
        """
        id = self._take_id()
        seconds = self._wall_clock() if at is None else at
        event = LogEvent(id, type, about, payload, trace_id, seconds)
        self._events.append(event)
        if len(self._events) > self._kept + self._kept // 4:  # seldom, because it moves all others
            del self._events[: -self._kept]
        if self._rendered:
            self._rendered.clear()
        self._store.note_event(event)
        if self._has_leader:
            self._wake_leader()

    def since(
        self, position: int, limit: int, selection: Selection = ALL
    ) -> tuple[list[LogEvent], int, bool]:
        """Return the oldest events after a position.

        Returns:
            The events; the position after them; True if earlier ones were evicted. A position beyond the latest id
            belongs to another server's log, and everything counts as evicted.
        """
        overflowed = position < self.oldest_id - 1 or position > self.latest_id
        if position > self.latest_id:
            position = 0
        begin = bisect_right(self._events, position, key=_of_id)
        if selection.is_all:
            found = self._events[begin : begin + limit]
            return found, found[-1].id if found else max(position, self.latest_id), overflowed
        found = []
        for at in range(begin, len(self._events)):
            event = self._events[at]
            if selection.takes(event.type, event.about):
                found.append(event)
                if len(found) == limit:
                    return found, event.id, overflowed
        return found, max(position, self.latest_id), overflowed

    def rendered(self, position: int, limit: int, selection: Selection) -> Rendered:
        """Return the events after a position as server-sent events, which the subscribers there share."""
        key = position, limit, selection.key
        known = self._rendered.get(key)
        if known is None:
            found, after, overflowed = self.since(position, limit, selection)
            gap = gap_as_sse(Gap(self.latest_id, self.oldest_id)) if overflowed else b""
            octets = gap + b"".join(map(as_sse, found))
            known = self._rendered[key] = Rendered(octets, after, len(found) == limit)
        return known

    async def wait_beyond(self, position: int, patience: float = inf) -> bool:
        """Wait until there is an event after a position; False if there is none after ``patience`` seconds or so.

        One of the waiting subscribers leads: it waits for an event and for a moment more, and then releases all of
        them together. A timer and a wake-up for each event and subscriber would take all of the processor's time.
        The patience is therefore the leader's.
        """
        self.subscribers += 1
        try:
            while True:
                if self.latest_id > position:
                    self._wake_leader()
                if self._has_leader:
                    await self._released.wait()
                else:
                    await self._lead(position, patience)
                if self.latest_id > position or patience < inf:
                    return self.latest_id > position
        finally:
            self.subscribers -= 1

    async def _lead(self, position: int, patience: float) -> None:
        self._has_leader = True
        try:
            if self.latest_id <= position:
                with trio.move_on_after(patience) as waiting:
                    await self._published.wait()
                if waiting.cancelled_caught:
                    return
            await trio.sleep(min(MAX_PAUSE, self.subscribers * SECONDS_PER_SUBSCRIBER))
        finally:
            self._has_leader = False
            released, self._released = self._released, trio.Event()
            released.set()

    def _wake_leader(self) -> None:
        published, self._published = self._published, trio.Event()
        published.set()

    def _take_id(self) -> int:
        if self._next_id > self._reserved and self._following is not None:
            ids, self._following = self._following, None
            self._next_id, self._reserved = ids.start, ids.stop - 1
        id = self._next_id
        self._next_id = id + 1
        if self._reserved - id < RESERVED_IDS // 2 and self._following is None:
            self._is_half_used.set()
        return id

    async def _reserve(self) -> range:
        first = await self._store.reserve_events(RESERVED_IDS)
        return range(first, first + RESERVED_IDS)


class LogSubscription:
    """One subscriber's position in the log.

    Args:
        position: the id of the last event that the subscriber has; None for events from now on.
        selection: the events that the subscriber asked for.
        most: the most events that one call returns.
    """

    def __init__(
        self,
        log: EventLog,
        position: int | None = None,
        selection: Selection = ALL,
        *,
        most: int = 500,
    ) -> None:
        self._log = log
        self._selection = selection
        self._most = most
        self.position = log.latest_id if position is None else position
        self._has_more = True  # True if the next events may be there already

    def take(self) -> tuple[Gap | None, list[LogEvent]]:
        """Return the gap before the next events, if there is one, and the events."""
        found, position, overflowed = self._log.since(self.position, self._most, self._selection)
        self.position = position
        self._has_more = len(found) == self._most
        gap = Gap(self._log.latest_id, self._log.oldest_id) if overflowed else None
        return gap, found

    async def wait(self, patience: float) -> bool:
        """Wait until there may be something to take; False if there is nothing after ``patience`` seconds or so."""
        return self._has_more or await self._log.wait_beyond(self.position, patience)

    def take_rendered(self) -> bytes:
        """Return the gap and the next events as server-sent events; nothing if none of them is selected."""
        rendered = self._log.rendered(self.position, self._most, self._selection)
        self.position, self._has_more = rendered.position, rendered.has_more
        return rendered.octets

    async def receive(self) -> tuple[Gap | None, list[LogEvent]]:
        """Wait for a gap or an event that the subscriber asked for."""
        while True:
            if not self._has_more:
                await self._log.wait_beyond(self.position)
            gap, events = self.take()
            if gap or events:
                return gap, events


def as_sse(event: LogEvent) -> bytes:
    """Render an event as a server-sent event; our types have no line breaks."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.id, event.type.encode(), event.document)


def gap_as_sse(gap: Gap) -> bytes:
    """Render a gap as an event without an id, because its id would become the client's position."""
    document = {**msgspec.structs.asdict(gap), "overflowed": True}
    return b"event: stream.gap\ndata: %b\n\n" % msgspec.json.encode(document)


class _Document(msgspec.Struct):
    type: str = ""
    payload: About | None = None


def _read(id: int, document: bytes) -> LogEvent:
    """Return an event that the previous process published."""
    read = msgspec.json.decode(document, type=_Document)
    return LogEvent(id, read.type, read.payload or ABOUT_NOTHING, written=document)
