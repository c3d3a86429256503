"""Room for the content of requests until their routes have done with it, of all connections of a server together.

Each content has a limit of its own; but there may be thousands of connections. What is kept of them:

- all of it for a route that is a plain function, and for a coroutine that asks for all (`Request.read`);
- for a coroutine that takes it as it comes, what waits for it.

So each content needs room. One whose length is declared gets room for all of it or none, before an octet of it
is read: whoever is let in and sends is not refused later, and nobody waits for somebody who waits too. A
chunked one gets room as it comes, since nobody knows how much it will need, and may be refused on the way. As
long as there is any room, the next content may be of any size, so that a route may take more than the limit:
all of them together are at most one content above it, and the small ones.

To declare octets costs nothing, so room isn't left to those who don't send them: when there is none, it is
taken back from those who are too slow to fill theirs in time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hamms_trio.errors import NoRoom

SMALL = 16 * 1024  # octets that always have room, as every connection has it for a head
LOOKS = 8  # contents that are looked at when there is no room: to refuse has to stay cheap
PATIENCE_SECONDS = 2.0  # for which nobody is too slow; who is refused is told to wait so long


class Coming(Protocol):
    """A request's content.

    Attributes:
        begun: when its head had come.
        octets: that have come.
    """

    begun: float
    octets: int

    @property
    def is_awaited(self) -> bool:
        """Whether it is its client that is waited for, and not its route."""

    def let_go(self) -> None:
        """Keep nothing of it, and have it refused."""


class Intake:
    """Octets that there is, or has to be, room for.

    Args:
        seconds: that a content may take to come.

    Attributes:
        octets: how many there is room for now.
    """

    def __init__(self, limit: int, *, seconds: float, clock: Callable[[], float]) -> None:
        self.octets = 0
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[Coming, int] = {}

    def admit(self, content: Coming, octets: int) -> None:
        """Keep room for so many octets of one content in all, if not for more already.

        Raises:
            NoRoom: there is none.
        """
        kept = self._kept.get(content, 0)
        if octets <= kept:
            return
        if octets > SMALL and not self._has_room(content):
            raise NoRoom("there is too much content of other requests; ask again")
        self._kept[content] = octets
        self.octets += octets - kept

    def shrink(self, content: Coming, octets: int) -> None:
        """Keep room for no more than so many octets."""
        kept = self._kept.get(content, 0)
        if octets < kept:
            self._kept[content] = octets
            self.octets -= kept - octets

    def release(self, content: Coming) -> None:
        """Keep no room for it any more."""
        self.octets -= self._kept.pop(content, 0)

    def _has_room(self, asking: Coming) -> bool:
        if self.octets >= self._limit:
            self._take_back(asking)
        return self.octets < self._limit

    def _take_back(self, asking: Coming) -> None:
        """Look at some of the contents, each time at others."""
        now = self._clock()
        for _ in range(min(LOOKS, len(self._kept))):
            content = next(iter(self._kept))
            octets = self._kept.pop(content)
            self._kept[content] = octets
            if content is not asking and self._is_too_slow(content, octets, now):
                content.let_go()

    def _is_too_slow(self, content: Coming, octets: int, now: float) -> bool:
        """Whether so many octets won't have come in time, at the pace so far."""
        elapsed = now - content.begun
        is_late = elapsed > PATIENCE_SECONDS and content.octets * self._seconds < octets * elapsed
        return is_late and content.is_awaited
