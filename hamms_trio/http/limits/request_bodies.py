"""Room for the content of requests until their routes are done with it, over all connections of one server.

Each content has a limit of its own; but there may be thousands of connections. The server keeps

- all of it for a route that is a plain function, and for a coroutine that asks for all (`Request.read`);
- for a coroutine that takes content as it comes, the octets that wait for the coroutine.

So each content needs room. A content of declared length gets room for all of it or none, before an octet of it
is read: a client that was admitted and sends is not refused later, and no two clients wait for each other. A
chunked content gets room as it comes, since nobody knows how much it will need, and may be refused on the way. As
long as there is any room, the next content may be of any size, so that a route may take more than the limit:
all of them together are at most one content above the limit, and the small ones.

A client can declare octets for free, so the server does not reserve room for clients that do not send them: when
there is no room, the contents that arrive too slowly are evicted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hamms_trio.errors import NoRoom

SMALL = 16 * 1024  # octets that always have room, as every connection has it for a head
LOOKS = 8  # contents that are looked at when there is no room: refusing has to stay cheap
PATIENCE_SECONDS = 2.0  # for which nobody is too slow; refused clients are asked to wait so long


class PendingBody(Protocol):
    """A request's content.

    Attributes:
        begun: when its head had come.
        octets: that have come.
    """

    begun: float
    octets: int

    @property
    def is_awaited(self) -> bool:
        """True if the route waits for the client, and not the client for the route."""

    def evict(self) -> None:
        """Drop the buffered body and reject the request."""


class BodyBudget:
    """Octets of content that the server has reserved room for.

    Args:
        seconds: that a content may take to come.

    Attributes:
        octets: reserved now.
    """

    def __init__(self, limit: int, *, seconds: float, clock: Callable[[], float]) -> None:
        self.octets = 0
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._reserved: dict[PendingBody, int] = {}

    def reserve(self, content: PendingBody, octets: int) -> None:
        """Reserve room for so many octets of one content in all, if not for more already.

        Raises:
            NoRoom: there is none.
        """
        reserved = self._reserved.get(content, 0)
        if octets <= reserved:
            return
        if octets > SMALL and not self._has_room(content):
            raise NoRoom("the server is holding too many request bodies; retry later")
        self._reserved[content] = octets
        self.octets += octets - reserved

    def shrink(self, content: PendingBody, octets: int) -> None:
        """Reserve room for no more than so many octets."""
        reserved = self._reserved.get(content, 0)
        if octets < reserved:
            self._reserved[content] = octets
            self.octets -= reserved - octets

    def release(self, content: PendingBody) -> None:
        """Reserve no more room for this content."""
        self.octets -= self._reserved.pop(content, 0)

    def _has_room(self, asking: PendingBody) -> bool:
        if self.octets >= self._limit:
            self._evict_slow(asking)
        return self.octets < self._limit

    def _evict_slow(self, asking: PendingBody) -> None:
        """Look at some of the contents, each time at others, and evict those that come too slowly."""
        now = self._clock()
        for _ in range(min(LOOKS, len(self._reserved))):
            content = next(iter(self._reserved))
            octets = self._reserved.pop(content)
            self._reserved[content] = octets
            if content is not asking and self._is_too_slow(content, octets, now):
                content.evict()

    def _is_too_slow(self, content: PendingBody, octets: int, now: float) -> bool:
        """Return True if so many octets won't have come in time, at the pace so far."""
        elapsed = now - content.begun
        is_late = elapsed > PATIENCE_SECONDS and content.octets * self._seconds < octets * elapsed
        return is_late and content.is_awaited
