"""One answer that is a stream of events, on its way to a client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hamms_trio.modes.peers.peer import READING_SECONDS, Peer
from hamms_trio.modes.streams.faults import (
    CLEAN,
    FAULTS,
    FIN,
    BodyWriter,
    StreamEnding,
    StreamFault,
)
from hamms_trio.modes.streams.options import MAX_CONTENT_OCTETS, PARSED_OCTETS, StreamOptions
from hamms_trio.modes.streams.shapes import (
    PLACEHOLDER,
    SHAPES,
    ApiError,
    ModelAnswer,
    Piece,
    Shape,
    pieces,
    shape_of,
)
from hamms_trio.wire import Field, RequestHead

# Between two turns of other connections: in tiny chunks these take a millisecond.
OCTETS_IN_ONE_GO = 16 * 1024
SHORTEST_BEAT = 0.001


class Stream:
    """The client's request, the healthy answer to it, and ways to send all or a part of that answer.

    Attributes:
        gap: seconds between two events.
        key: the word by which a mode counts.
        content: the request's, once it is read, unless it is large.
        options: those of the request, once its content is read.
    """

    def __init__(
        self,
        peer: Peer,
        request: RequestHead,
        *,
        tokens: int,
        gap: float,
        shape: str = "path",
        tool: bool = False,
        key: str = "default",
    ) -> None:
        self.peer = peer
        self.request = request
        self.gap = gap
        self.key = key
        self.nonce = peer.nonce
        by_path, dialect = shape_of(peer.http.path)
        self.shape: Shape = by_path if shape == "path" else SHAPES[shape]
        self.content = b""
        self.options = StreamOptions()
        self._first = ModelAnswer.of(tokens, self.nonce, tool=tool, dialect=dialect)
        self._body = BodyWriter(CLEAN)
        self._sent_any = False

    # The healthy answer

    @property
    def answer(self) -> ModelAnswer:
        """The content of the healthy answer."""
        return self.answer_with()

    def answer_with(self, *, mark: str = "", tool: bool | None = None) -> ModelAnswer:
        """Return the healthy answer with a mark after each word, or as a tool call."""
        first, options = self._first, self.options
        tool = first.tool if tool is None else tool
        if mark or tool is not first.tool:
            first = ModelAnswer.of(
                len(first.tokens), self.nonce, mark=mark, tool=tool, dialect=first.dialect
            )
        return replace(first, model=options.model, usage=options.usage)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The events of the healthy stream."""
        return tuple(self._filled(0))

    def _filled(self, start: int) -> Iterator[Piece]:
        """Return the events from number ``start`` on, each made on demand."""
        answer, first = self.answer, self._first
        if self.shape.counts_octets:
            return iter(pieces(self.shape, answer)[start:])
        blank = ModelAnswer.of(
            len(first.tokens), PLACEHOLDER, tool=first.tool, dialect=first.dialect
        )
        blank = replace(blank, model=answer.model, usage=answer.usage)
        return (piece.filled(self.nonce) for piece in pieces(self.shape, blank)[start:])

    @property
    def remaining(self) -> tuple[Piece, ...]:
        """The events after those that the client has already (the field Last-Event-ID)."""
        return tuple(self._filled(self.position))

    @property
    def position(self) -> int:
        """The number of tokens that the client reports to have (Last-Event-ID)."""
        digits = (self.request.get("last-event-id") or "").rpartition("-")[2]
        if not self.shape.resumes or not (digits.isascii() and digits.isdigit()):
            return 0
        return min(int(digits[:9]), len(self._first.tokens))

    @property
    def is_done(self) -> bool:
        """True if the client has the whole stream already and should stop reconnecting."""
        return self.position == len(self._first.tokens)

    def now(self) -> float:
        """Return the time on the server's clock, in seconds."""
        return self.peer.connection.now() * self.peer.environment.speed

    # The request

    async def read(self) -> None:
        """Read the request's content and the options in it."""
        content = bytearray()
        while piece := await self.peer.http.receive_content():
            if len(content) < MAX_CONTENT_OCTETS:
                content += piece
        self.options = StreamOptions.of(self.request, bytes(content))
        self.content = bytes(content) if len(content) <= PARSED_OCTETS else b""

    def speak(self, dialect: str) -> None:
        """Answer in a dialect of the shape."""
        self._first = replace(self._first, dialect=dialect)

    @property
    def is_wanted(self) -> bool:
        """True if the client wants a stream, rather than one document."""
        if self.options.stream is None:
            return self.shape.streams_by_default
        return self.options.stream

    # Sending

    async def open(
        self, fault: StreamFault = CLEAN, content_type: str = "", fields: tuple[Field, ...] = ()
    ) -> None:
        """Send the head of a stream that is to end by ``fault``."""
        self._body = BodyWriter(fault, minor_version=self.request.minor_version)
        closes = not self.request.persistent and self._body.ending is StreamEnding.KEEP
        if closes:
            self._body.ending = StreamEnding.FIN
        head = self.peer.http.head(
            200,
            *self.fields(content_type or self.shape.content_type),
            *fields,
            *self._body.fields,
            *((("Connection", "close"),) if closes else ()),
        )
        await self.peer.send(head)

    async def send(self, events: Iterable[bytes]) -> None:
        """Send events, each one chunk and ``gap`` seconds after the one before."""
        if self.gap:
            for event in events:
                if self._sent_any:
                    await self.peer.sleep(self.gap)
                self._sent_any = True
                await self.peer.send(self._body.write(event))
            return
        octets = bytearray()
        for event in events:
            octets += self._body.write(event)
            if len(octets) >= OCTETS_IN_ONE_GO:
                await self.peer.send(bytes(octets))
                await self.peer.connection.pause()
                octets.clear()
        if octets:
            await self.peer.send(bytes(octets))

    async def end(self) -> None:
        """End the body and its connection by the fault that `open` was given."""
        if last := self._body.end():
            await self.peer.send(last)
        if self._body.ending is StreamEnding.FIN:
            await self.peer.finish()
        elif self._body.ending is StreamEnding.TRUNCATED:
            await self.peer.truncate()
        elif self._body.ending is StreamEnding.RST:
            await self.peer.reset_after_reading()

    async def play(
        self, events: Iterable[bytes], how: str = "clean", content_type: str = ""
    ) -> None:
        """Send a head and events, and end by the fault of that name."""
        await self.open(FAULTS[how], content_type)
        await self.send(events)
        await self.end()

    async def drip(self, events: Iterable[bytes], every: float) -> None:
        """Send the whole body, chunks included, one octet at a time."""
        body = b"".join(map(self._body.write, events)) + self._body.end()
        for at in range(len(body)):
            await self.peer.sleep(every)
            await self.peer.send(body[at : at + 1])
        if self._body.ending is StreamEnding.FIN:
            await self.peer.finish()

    async def beat(self, kind: str, every: float, seconds: float) -> None:
        """Send keep-alives for a time; ``none`` is silence."""
        silent = kind == "none" or not every
        every = max(every, SHORTEST_BEAT)
        beats = 0 if silent else int(seconds / every)
        octets = self._body.write(self.shape.keep_alive(kind)) if beats else b""
        for _ in range(beats):
            await self.peer.sleep(every)
            await self.peer.send(octets)
        await self.peer.sleep(max(seconds - beats * every, 0.0))

    async def wait(self, seconds: float) -> None:
        """Sleep, and check on the way whether the client's kernel sends TCP keep-alives."""
        at = min(READING_SECONDS * self.peer.environment.speed, seconds / 2)
        await self.peer.sleep(at)
        self.peer.look_at_keep_alive()
        await self.peer.sleep(seconds - at)

    async def hang_up(self, fault: StreamFault = FIN) -> None:
        """End the connection at once, whatever the head says."""
        if fault.ending is StreamEnding.RST:
            self.peer.reset()
        else:
            await self.peer.finish()

    # Whole answers

    async def play_healthy(self) -> None:
        """Answer as a correct server: with a stream, or with one document if that is wanted."""
        if not self.is_wanted:
            await self.respond(200, self.shape.document(self.answer), "application/json")
        elif self.is_done:
            await self.respond(204)
        else:
            await self.play(piece.octets for piece in self._filled(self.position))

    async def show_head(self) -> None:
        """Answer HEAD: the head of a healthy stream alone."""
        await self.open()
        if self._body.ending is StreamEnding.FIN:
            await self.peer.finish()

    async def respond(
        self, status: int, body: bytes = b"", content_type: str = "", *fields: Field
    ) -> None:
        """Send one document, truthfully framed."""
        typed = self.fields(content_type)
        await self.peer.http.respond(self.request, status, *typed, *fields, body=body)

    async def send_half(self, body: bytes) -> None:
        """Send a head that announces a JSON document, and the first half of the document."""
        length = ("Content-Length", str(len(body)))
        head = self.peer.http.head(200, *self.fields("application/json"), length)
        await self.peer.send(head + body[: len(body) // 2])

    async def refuse(self, status: int, problem: ApiError, *fields: Field) -> None:
        """Send an error response in the API's own form."""
        await self.respond(status, self.shape.error(problem), "application/json", *fields)

    def fields(self, content_type: str = "") -> tuple[Field, ...]:
        """Return the fields of every answer."""
        typed = (("Content-Type", content_type),) if content_type else ()
        name = self.shape.request_id, f"req_{self.nonce}"
        return (*typed, ("Cache-Control", "no-cache"), name)


def octets_of(events: Iterable[Piece]) -> list[bytes]:
    return [piece.octets for piece in events]
