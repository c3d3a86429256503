"""One line on the terminal for each request that meets a failure mode, with the time since the one before."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING

import trio

from hamms_trio.events import Closed, Event, HeadReceived, Lost, Opened
from hamms_trio.line_writer import LineWriter
from hamms_trio.net.nursery import ungrouped
from hamms_trio.wire.masking import mask

if TYPE_CHECKING:
    from hamms_trio.app import Hamms

STDOUT = 1
TARGET_CHARACTERS = 100  # of a target that are shown


class RequestLines:
    """The formatter of events as lines.

    Args:
        offset: seconds to add to the events' times for seconds since the epoch.
    """

    def __init__(self, offset: float) -> None:
        self._offset = offset
        self._doors: dict[int, str] = {}  # of the connections that are open
        self._latest: dict[str, float] = {}  # request at each door

    def lines(self, event: Event | Lost) -> Iterator[str]:
        """Yield the line of an event, if it has one."""
        if isinstance(event, HeadReceived):
            yield self._request(event)
        elif isinstance(event, Opened):
            self._doors[event.connection] = event.door
        elif isinstance(event, Closed):
            self._doors.pop(event.connection, None)
        elif isinstance(event, Lost):
            yield f"... {event.number} events came too fast to be shown\n"

    def _request(self, event: HeadReceived) -> str:
        door, at = self._doors.get(event.connection, "?"), event.at
        before, self._latest[door] = self._latest.get(door), at
        gap = "" if before is None else f"+{at - before:.3f}s"
        return f"{self._time(at)} {door:<20} {gap:>10}  {event.method} {_shown(event.target)}\n"

    def _time(self, at: float) -> str:
        seconds = at + self._offset
        milliseconds = int(seconds % 1 * 1000)
        return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{milliseconds:03}"


@asynccontextmanager
async def showing_requests(hamms: Hamms) -> AsyncIterator[None]:
    """Print a line for each request while the ``async with`` block runs; a slow terminal delays nobody."""
    writer = LineWriter(STDOUT, "requests")
    try:
        with hamms.bus.subscribe() as subscription, ungrouped():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_show, subscription, writer.put)
                yield
                nursery.cancel_scope.cancel()
    finally:
        writer.close()


async def _show(events: AsyncIterable[Event | Lost], put: Callable[[bytes], None]) -> None:
    requests = RequestLines(time.time() - monotonic())
    async for event in events:
        for line in requests.lines(event):
            put(line.encode("ascii", "backslashreplace"))


def _shown(target: str) -> str:
    masked = mask(target)
    is_long = len(masked) > TARGET_CHARACTERS
    return masked[:TARGET_CHARACTERS] + "..." if is_long else masked
