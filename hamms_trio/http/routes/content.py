"""The content of a request while it is being received."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from hamms_trio.errors import NoRoom, RequestError
from hamms_trio.http.limits.request_bodies import BodyBudget
from hamms_trio.wire import BodyReader, RequestHead


class Content:
    """The content of one request, which a route can read while it arrives.

    The connection feeds it and one coroutine reads it. The connection bounds the unread octets by not reading
    further (see `waiting`). All buffered octets have room in the budget.

    Args:
        head: the request's head.
        limit: octets of chunked content, decoded.
        budget: the budget for buffered bodies; None for content that is discarded as it arrives.
        window: limit of unread octets, for a route that reads piece by piece; None for a route that reads the
            whole content.
        begun: the time when the head was complete.

    Attributes:
        problem: the error that ended the content early, or None.
        invite: the function that sends 100 (Continue) before the first read, if the client expects that.
        on_room: the callback for when the route has read the buffered octets; called once.
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
        self._declared = head.content_length  # 0 if chunked
        self._unread = bytearray()
        self.begun = begun
        self.problem: RequestError | None = None
        self._arrived: trio.Event | None = None
        self.octets = 0  # received, decoded
        self.invite: Callable[[], Awaitable[None]] | None = None
        self.on_room: Callable[[], None] | None = None

    @property
    def complete(self) -> bool:
        """True if all of the content has arrived."""
        return self._reader.complete

    @property
    def waiting(self) -> int:
        """The number of octets that have arrived and are unread."""
        return len(self._unread)

    @property
    def has_failed(self) -> bool:
        """True if an error ended the content early."""
        return self.problem is not None

    @property
    def is_awaited(self) -> bool:
        """True if the route waits for the client, rather than the client for the route."""
        is_kept_waiting = self.invite is not None or (self._window is not None and self.waiting)
        return not (is_kept_waiting or self.complete or self.has_failed)

    @property
    def is_unreadable(self) -> bool:
        """True if the end of the content can't be found: it is malformed, or the client still expects 100."""
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
        """End the content with an error, which the reader gets."""
        self.problem = problem
        self._wake()

    def reserve_room(self) -> None:
        """Reserve room for the known length.

        Raises:
            NoRoom: the server holds too many bodies.
        """
        if self._budget is not None:
            known = max(self._declared, self.octets)
            self._budget.reserve(self, known if self._window is None else min(known, self._window))

    def collect(self) -> None:
        """Reserve room for the whole content, because the route reads all of it.

        Raises:
            NoRoom: the server holds too many bodies.
        """
        self._window = None
        self.reserve_room()

    def take(self) -> bytes:
        """Return the unread octets."""
        taken = bytes(self._unread)
        self._empty()
        return taken

    def release_read(self) -> None:
        """Release the room of octets that are read."""
        if self._budget is not None and self.complete:
            self._budget.shrink(self, self.waiting)

    def drop(self) -> None:
        """Discard the content, including octets that have not arrived."""
        if self._budget is not None:
            self._budget.release(self)
            self._budget = None
        self._empty()

    def evict(self) -> None:
        """Drop the buffered body and reject the request (see `BodyBudget`)."""
        self.drop()
        self.fail(NoRoom("the body arrived too slowly while other requests needed the room"))

    async def receive_some(self) -> bytes:
        """Return the next octets, or none at the end.

        Raises:
            RequestError: the content is malformed, too long or too slow.
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
