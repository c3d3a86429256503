"""A request, as a route sees it, and its content as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from io import BytesIO

import trio

from hamms_trio.errors import NoRoom, RequestError
from hamms_trio.http.intake import Intake
from hamms_trio.wire import BodyReader, RequestHead, parse_form

PIECE_OCTETS = 4096  # shorter pieces are put together: each costs some 40 octets besides


class Content:
    """A request's content, read while it comes.

    Fed by the connection, read by one coroutine; what waits in between is bounded by the connection,
    which stops reading (see `waiting`). All that is kept of it has room in the intake.

    Args:
        limit: octets of it if it is chunked, decoded.
        intake: None for a content that is forgotten as it comes.
        window: octets of it that may wait for a route that takes it as it comes; None for a route that is
            given it as a whole.
        begun: when its head had come.

    Attributes:
        problem: why no more of it will come, if that is so.
        invite: sends 100 (Continue), when the client waits for that; called before the first read.
        on_room: called once what waits was taken, and then forgotten.
    """

    __slots__ = (
        "_arrived",
        "_declared",
        "_intake",
        "_pieces",
        "_reader",
        "_window",
        "begun",
        "invite",
        "octets",
        "on_room",
        "problem",
        "waiting",
    )

    def __init__(
        self,
        head: RequestHead,
        limit: int,
        intake: Intake | None = None,
        *,
        window: int | None = None,
        begun: float = 0.0,
    ) -> None:
        self._reader = BodyReader(head, limit)
        self._intake = intake
        self._window = window
        self._declared = head.content_length  # 0 of one that is chunked
        self._pieces: deque[bytes] = deque()
        self.begun = begun
        self.problem: RequestError | None = None
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
        return self.problem is not None

    @property
    def is_awaited(self) -> bool:
        """Whether it is its client that is waited for, and not its route."""
        is_kept_waiting = self.invite is not None or (self._window is not None and self.waiting)
        return not (is_kept_waiting or self.complete or self.has_failed)

    @property
    def is_unreadable(self) -> bool:
        """Whether where it ends can't be known: it is broken, or the client still waits to be asked for it."""
        return self.problem is not None or (
            self.invite is not None and not self.octets and not self.complete
        )

    def feed(self, data: bytes) -> bytes:
        """Take what belongs to the content, and return what follows it.

        Raises:
            MalformedRequest: the chunked coding is broken.
            ContentTooLarge: there is more of it than is taken.
            NoRoom: there is no room for what has come of it.
        """
        piece = self._reader.feed(data)
        self.octets += len(piece)
        if piece and self._intake is not None and self.problem is None:
            self._keep(piece, self._intake)
        if piece or self._reader.complete:
            self._wake()
        return self._reader.rest if self._reader.complete else b""

    def fail(self, problem: RequestError) -> None:
        """No more will come; whoever reads is told why."""
        self.problem = problem
        self._wake()

    def ask_for_room(self) -> None:
        """Have room for it, as far as it is known how much that is.

        Raises:
            NoRoom: there is none.
        """
        if self._intake is not None:
            known = max(self._declared, self.octets)
            self._intake.admit(self, known if self._window is None else min(known, self._window))

    def collect(self) -> None:
        """Be kept as a whole from now on, by whoever takes it.

        Raises:
            NoRoom: there is no room for so much.
        """
        self._window = None
        self.ask_for_room()

    def take(self) -> bytes:
        """All that has come and was not read yet."""
        taken = b"".join(self._pieces)
        self._empty()
        return taken

    def keep_unread(self) -> None:
        """What was read is not kept any more."""
        if self._intake is not None and self.complete:
            self._intake.shrink(self, self.waiting)

    def forget(self) -> None:
        """Keep nothing of it, whatever comes: nobody will read it."""
        if self._intake is not None:
            self._intake.release(self)
            self._intake = None
        self._empty()

    def let_go(self) -> None:
        """Keep nothing of it, since others need the room (see `intake`)."""
        self.forget()
        self.fail(NoRoom("the content came too slowly, and others need the room"))

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
        while not self._pieces:
            if self.problem is not None:
                raise self.problem
            if self.complete:
                break
            self._arrived = trio.Event()
            await self._arrived.wait()
        return self.take()

    def _keep(self, piece: bytes, intake: Intake) -> None:
        waiting = self.waiting + len(piece)
        if not self._declared:
            intake.admit(self, self.octets if self._window is None else waiting)
        self.waiting = waiting
        pieces = self._pieces
        if pieces and len(pieces[-1]) < PIECE_OCTETS:
            pieces[-1] += piece
        else:
            pieces.append(piece)

    def _empty(self) -> None:
        self._pieces.clear()
        self.waiting = 0
        if self.on_room is not None:
            on_room, self.on_room = self.on_room, None
            on_room()

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

    def without_content(self) -> Request:
        """What is left of it once its route has had it."""
        return Request(self.head, self.parameters, self.id, self.client)

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
        """The whole content (see `Content.receive_some` and `Content.collect` for what it raises)."""
        if self._body is not None:
            self._body.collect()
            content = BytesIO()
            async for piece in self.pieces():
                content.write(piece)
            self.content += content.getvalue()
            self._body = None
        return self.content
