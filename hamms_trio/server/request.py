"""A request, as a route sees it."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import trio

from hamms_trio.errors import HammsError
from hamms_trio.wire import BodyReader, RequestHead, parse_form


class Content:
    """A request's content, read while it comes.

    Fed by the connection, read by one coroutine; what waits in between is bounded by the connection,
    which stops reading (see `waiting`).

    Attributes:
        invite: sends 100 (Continue), when the client waits for that; called before the first read.
        on_room: called once what waits was taken, and then forgotten.
    """

    __slots__ = (
        "_arrived",
        "_pieces",
        "_problem",
        "_reader",
        "invite",
        "octets",
        "on_room",
        "waiting",
    )

    def __init__(self, head: RequestHead, limit: int) -> None:
        self._reader = BodyReader(head, limit)
        self._pieces: deque[bytes] = deque()
        self._problem: HammsError | None = None
        self._arrived: trio.Event | None = None
        self.octets = 0  # that have come, decoded
        self.waiting = 0  # of these, not read yet
        self.invite: Callable[[], Awaitable[None]] | None = None
        self.on_room: Callable[[], None] | None = None

    @property
    def complete(self) -> bool:
        return self._reader.complete

    @property
    def has_failed(self) -> bool:
        """Whether no more of it will come."""
        return self._problem is not None

    @property
    def is_unreadable(self) -> bool:
        """Whether where it ends can't be known: it is broken, or the client still waits to be asked for it."""
        return self._problem is not None or (
            self.invite is not None and not self.octets and not self.complete
        )

    def feed(self, data: bytes) -> bytes:
        """Take what belongs to the content, and return what follows it.

        Raises:
            MalformedRequest: the chunked coding is broken.
            ContentTooLarge: there is more of it than is taken.
        """
        piece = self._reader.feed(data)
        self.octets += len(piece)
        if piece:
            self._pieces.append(piece)
            self.waiting += len(piece)
        if piece or self._reader.complete:
            self._wake()
        return self._reader.rest if self._reader.complete else b""

    def fail(self, problem: HammsError) -> None:
        """No more will come; whoever reads is told why."""
        self._problem = problem
        self._wake()

    def take(self) -> bytes:
        """All that has come and was not read yet."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.waiting = 0
        if self.on_room is not None:
            on_room, self.on_room = self.on_room, None
            on_room()
        return taken

    async def receive_some(self) -> bytes:
        """The next octets, or none at the end.

        Raises:
            RequestError: the client sent something else than content, too much of it, or too slowly.
            PeerGone: it has left.
        """
        if self.invite is not None:
            invite, self.invite = self.invite, None
            if not self.octets and not self.complete:
                await invite()
        while not self._pieces and not self.complete:
            if self._problem is not None:
                raise self._problem
            self._arrived = trio.Event()
            await self._arrived.wait()
        return self.take()

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()
            self._arrived = None


class Request:
    """One request.

    Attributes:
        parameters: what the route's template left open, as it was sent; the rest of the path as ``"*"``.
        id: what X-Request-ID says in the response.
        client: address and port of the client.
        content: all of it, for a route that is a plain function; a coroutine calls `read`.
    """

    __slots__ = ("_body", "client", "content", "head", "id", "parameters")

    def __init__(
        self,
        head: RequestHead,
        parameters: Mapping[str, str],
        request_id: bytes,
        client: tuple[str, int],
        content: bytes = b"",
        body: Content | None = None,
    ) -> None:
        self.head = head
        self.parameters = parameters
        self.id = request_id
        self.client = client
        self.content = content
        self._body = body

    @property
    def method(self) -> str:
        return self.head.method

    @property
    def path(self) -> str:
        """The target's path as it was sent, percent-encoding and all."""
        return self.head.path

    @property
    def query_string(self) -> str:
        return self.head.query_string

    @property
    def query(self) -> dict[str, str]:
        """The query as a form; of a name given twice the last counts."""
        return parse_form(self.head.query_string)

    def get(self, name: str) -> str | None:
        """A field's value, its lines combined, or None; ``name`` in lower case."""
        return self.head.get(name)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The content as it comes (see `Content.receive_some` for what it raises)."""
        if self._body is not None:
            while piece := await self._body.receive_some():
                yield piece

    async def read(self) -> bytes:
        """The whole content (see `Content.receive_some` for what it raises)."""
        if self._body is not None:
            self.content += b"".join([piece async for piece in self.pieces()])
            self._body = None
        return self.content
