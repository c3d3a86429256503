"""The budget for buffered request bodies, over all connections of one server.

Each body has a limit of its own, but there may be thousands of connections. The server buffers

- the whole body for a route that is a plain function, and for a coroutine that calls `Request.read`;
- only the unread octets for a coroutine that reads the body piece by piece.

Each body therefore reserves room. A body of declared length reserves all of its room before the server reads an
octet, or is refused: a client that was admitted is not refused later, and no two clients wait for each other. A
chunked body reserves room as it arrives, since its length is unknown, and may be refused on the way. While any
room is left, the next body may be of any size, so that a route may accept more than the limit: the total exceeds
the limit by at most one body and the small ones.

Declaring octets costs a client nothing, so the server does not reserve room for clients that do not send: when no
room is left, bodies that arrive too slowly are evicted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hamms_trio.errors import NoRoom

SMALL = 16 * 1024  # octets that need no room, as many as a head may have
LOOKS = 8  # bodies checked when no room is left, so that a refusal stays cheap
PATIENCE_SECONDS = 2.0  # before a body counts as slow; also the Retry-After of a refusal


class PendingBody(Protocol):
    """A request body that is being received.

    Attributes:
        begun: the time when its head was complete.
        octets: the number of octets received.
    """

    begun: float
    octets: int

    @property
    def is_awaited(self) -> bool:
        """True if the route waits for the client, rather than the client for the route."""

    def evict(self) -> None:
        """Drop the buffered body and reject the request."""


class BodyBudget:
    """The server's budget for buffered bodies.

    Args:
        limit: octets for all bodies together.
        seconds: the time within which a body has to arrive.
        clock: the clock of `PendingBody.begun`.

    Attributes:
        octets: the number of octets reserved now.
    """

    def __init__(self, limit: int, *, seconds: float, clock: Callable[[], float]) -> None:
        self.octets = 0
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._reserved: dict[PendingBody, int] = {}

    def reserve(self, content: PendingBody, octets: int) -> None:
        """Raise a body's reservation to this number of octets, if it is lower.

        Raises:
            NoRoom: the budget is used up.
        """
        reserved = self._reserved.get(content, 0)
        if octets <= reserved:
            return
        if octets > SMALL and not self._has_room(content):
            raise NoRoom("the server is holding too many request bodies; retry later")
        self._reserved[content] = octets
        self.octets += octets - reserved

    def shrink(self, content: PendingBody, octets: int) -> None:
        """Lower a body's reservation to this number of octets, if it is higher."""
        reserved = self._reserved.get(content, 0)
        if octets < reserved:
            self._reserved[content] = octets
            self.octets -= reserved - octets

    def release(self, content: PendingBody) -> None:
        """Release a body's reservation."""
        self.octets -= self._reserved.pop(content, 0)

    def _has_room(self, asking: PendingBody) -> bool:
        if self.octets >= self._limit:
            self._evict_slow(asking)
        return self.octets < self._limit

    def _evict_slow(self, asking: PendingBody) -> None:
        """Check some bodies, others each time, and evict those that arrive too slowly."""
        now = self._clock()
        for _ in range(min(LOOKS, len(self._reserved))):
            content = next(iter(self._reserved))
            octets = self._reserved.pop(content)
            self._reserved[content] = octets
            if content is not asking and self._is_too_slow(content, octets, now):
                content.evict()

    def _is_too_slow(self, content: PendingBody, octets: int, now: float) -> bool:
        """Return True if the body, at its pace so far, will not have ``octets`` octets in time."""
        elapsed = now - content.begun
        is_late = elapsed > PATIENCE_SECONDS and content.octets * self._seconds < octets * elapsed
        return is_late and content.is_awaited
