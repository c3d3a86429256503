"""A request's content, as it comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from hamms_trio.errors import NoRoom, RequestError
from hamms_trio.http.limits.request_bodies import BodyBudget
from hamms_trio.wire import BodyReader, RequestHead


class Content:
    """The content of one request, read while it comes.

    Fed by the connection, read by one coroutine; what waits in between is bounded by the connection,
    which stops reading (see `waiting`). All that is kept has room in the budget.

    Args:
        limit: octets of a chunked content, decoded.
        budget: None for a content that is dropped as it comes.
        window: octets that may wait for a route that takes the content as it comes; None for a route that takes
            the content as a whole.
        begun: when its head had come.

    Attributes:
        problem: the reason why no more will come, if there is one.
        invite: sends 100 (Continue), when the client waits for that; called before the first read.
        on_room: called once, when the route has taken the octets that wait.
    """

    __slots__ = (
        "_arrived",
        "_budget",
        "_declared",
        "_reader",
        "_unread",
        "_window",
        "begun",
        "invite",
        "octets",
        "on_room",
        "problem",
    )

    def __init__(
        self,
        head: RequestHead,
        limit: int,
        budget: BodyBudget | None = None,
        *,
        window: int | None = None,
        begun: float = 0.0,
    ) -> None:
        self._reader = BodyReader(head, limit)
        self._budget = budget
        self._window = window
        self._declared = head.content_length  # 0 of one that is chunked
        self._unread = bytearray()
        self.begun = begun
        self.problem: RequestError | None = None
        self._arrived: trio.Event | None = None
        self.octets = 0  # that have come, decoded
        self.invite: Callable[[], Awaitable[None]] | None = None
        self.on_room: Callable[[], None] | None = None

    @property
    def complete(self) -> bool:
        """True if all of the content has come."""
        return self._reader.complete

    @property
    def waiting(self) -> int:
        """Octets that have come and were not read yet."""
        return len(self._unread)

    @property
    def has_failed(self) -> bool:
        """True if no more will come."""
        return self.problem is not None

    @property
    def is_awaited(self) -> bool:
        """True if the route waits for the client, and not the client for the route."""
        is_kept_waiting = self.invite is not None or (self._window is not None and self.waiting)
        return not (is_kept_waiting or self.complete or self.has_failed)

    @property
    def is_unreadable(self) -> bool:
        """True if nobody can know where the content ends: it is broken, or the client still waits for 100."""
        return self.problem is not None or (
            self.invite is not None and not self.octets and not self.complete
        )

    def feed(self, data: bytes) -> bytes:
        """Take the octets of the content, and return those that follow it.

        Raises:
            MalformedRequest: the chunked coding is broken.
            ContentTooLarge: the content exceeds the limit.
            NoRoom: the server holds too many bodies.
        """
        piece = self._reader.feed(data)
        self.octets += len(piece)
        if piece and self._budget is not None and self.problem is None:
            self._keep(piece, self._budget)
        if piece or self._reader.complete:
            self._wake()
        return self._reader.rest if self._reader.complete else b""

    def fail(self, problem: RequestError) -> None:
        """Note why no more will come, and wake the reader, to whom that is raised."""
        self.problem = problem
        self._wake()

    def reserve_room(self) -> None:
        """Reserve room, as far as the length is known.

        Raises:
            NoRoom: the server holds too many bodies.
        """
        if self._budget is not None:
            known = max(self._declared, self.octets)
            self._budget.reserve(self, known if self._window is None else min(known, self._window))

    def collect(self) -> None:
        """Reserve room for the content as a whole, which the route keeps from now on.

        Raises:
            NoRoom: the server holds too many bodies.
        """
        self._window = None
        self.reserve_room()

    def take(self) -> bytes:
        """Return all that has come and was not read yet."""
        taken = bytes(self._unread)
        self._empty()
        return taken

    def release_read(self) -> None:
        """Release the room of the octets that were read."""
        if self._budget is not None and self.complete:
            self._budget.shrink(self, self.waiting)

    def drop(self) -> None:
        """Drop the content, also what is still to come: nobody will read it."""
        if self._budget is not None:
            self._budget.release(self)
            self._budget = None
        self._empty()

    def evict(self) -> None:
        """Drop the buffered body and reject the request (see `BodyBudget`)."""
        self.drop()
        self.fail(NoRoom("the content came too slowly, and others need the room"))

    async def receive_some(self) -> bytes:
        """Return the next octets, or none at the end.

        Raises:
            RequestError: the client sent something else than content, too much of it, or too slowly.
            PeerGone: the client has left.
        """
        if self.invite is not None:
            invite, self.invite = self.invite, None
            if not self.octets and not self.complete:
                await invite()
        while not self._unread:
            if self.problem is not None:
                raise self.problem
            if self.complete:
                break
            self._arrived = trio.Event()
            await self._arrived.wait()
        return self.take()

    def _keep(self, piece: bytes, budget: BodyBudget) -> None:
        if not self._declared:
            waiting = self.waiting + len(piece)
            budget.reserve(self, self.octets if self._window is None else waiting)
        self._unread += piece

    def _empty(self) -> None:
        self._unread.clear()
        if self.on_room is not None:
            on_room, self.on_room = self.on_room, None
            on_room()

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()
            self._arrived = None
