"""What a failure mode sees of the client it is failing."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Protocol

from hamms_trio.errors import (
    ContentTooLarge,
    MethodNotAllowed,
    PeerGone,
    RequestError,
    RequestTimeout,
    UnsupportedMediaType,
)
from hamms_trio.modes.environment import Lab
from hamms_trio.wire import (
    MAX_FORM_OCTETS,
    BodyReader,
    Field,
    RequestHead,
    RequestReader,
    head,
    parse_form,
    reason_phrase,
    response,
)

EXCHANGES_IN_ONE_GO = 16  # pipelined requests answered before the other clients get their turn

_FORM = "application/x-www-form-urlencoded"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(Protocol):
    """The octets, the clock and the account of one accepted connection; `hosting` has two of them.

    Whatever waits raises `PeerGone` when the client has reset the connection.
    """

    def now(self) -> float:
        """The time by which ``receive`` measures its deadline, in seconds."""

    def receive(self, deadline: float | None = None) -> Awaitable[bytes]:
        """Some octets, or none once the client has closed its side.

        Raises:
            TimeoutError: nothing came before ``deadline``.
        """

    def send(self, data: bytes | memoryview) -> Awaitable[None]:
        """Hand all of ``data`` to the kernel."""

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Let real seconds pass."""

    def pause(self) -> Awaitable[None]:
        """Let the other connections have their turn."""

    def send_eof(self) -> Awaitable[None]:
        """Send FIN; octets may still be received."""

    def reset(self) -> None:
        """Send RST and close."""

    def note_request(self, request: RequestHead) -> None:
        """Enter a request in the account."""

    def note_body(self, octets: int) -> None:
        """Enter that so many octets of its content were read."""


class Peer:
    """The client at the far end of one accepted connection.

    What waits raises `PeerGone` once the client has left, so a failure mode reads as if clients
    never did.
    """

    __slots__ = (
        "_body",
        "_connection",
        "_overhears",
        "_reader",
        "_request",
        "_run",
        "finished",
        "lab",
    )

    def __init__(self, connection: Connection, lab: Lab) -> None:
        self.lab = lab
        self.finished = False
        self._connection = connection
        self._reader: RequestReader | None = None
        self._overhears = True
        self._request: RequestHead | None = None
        self._body: BodyReader | None = None
        self._run = 0

    # Receiving

    async def receive_head(self) -> RequestHead:
        """Read up to the end of the next request's header section.

        Raises:
            RequestError: it is malformed, too large, or was not complete in time.
            PeerGone: the client closed its side, or sent nothing for too long.
        """
        self._overhears = False
        reader = self._reader
        if reader is None:
            reader = self._reader = RequestReader()
        connection, limits = self._connection, self.lab.limits
        request, begun = None, False
        if not reader.is_empty:
            request = reader.next_head()
            begun = not reader.is_empty  # the empty lines before a head do not count
        if request is None:
            self._run = 0
            deadline = connection.now() + (limits.head if begun else limits.idle)
        else:
            self._run += 1
            if self._run % EXCHANGES_IN_ONE_GO == 0:
                await connection.pause()
        while request is None:
            try:
                data = await connection.receive(deadline)
            except TimeoutError:
                if begun:
                    problem = f"the head was not complete after {limits.head:g} seconds"
                    raise RequestTimeout(problem) from None
                await self.finish()
                raise PeerGone from None
            if not data:
                raise PeerGone
            reader.feed(data)
            request = reader.next_head()
            if request is None and not begun and not reader.is_empty:
                begun = True
                deadline = connection.now() + limits.head
        self._request = request
        self._body = None
        connection.note_request(request)
        return request

    async def receive(self) -> bytes:
        """Whatever the client sends next, HTTP or not.

        Raises:
            PeerGone: it closed its side.
        """
        data = await self._connection.receive()
        if not data:
            raise PeerGone
        if self._overhears:
            self._overhear(data)
        return data

    async def receive_form(self) -> dict[str, str]:
        """The current request's body as application/x-www-form-urlencoded.

        Raises:
            RequestError: it is too large, of another type, malformed, or late.
        """
        request = self._request
        if request is None or not request.has_body:
            return {}
        content_type = (request.get("content-type") or _FORM).partition(";")[0].strip().lower()
        if content_type != _FORM:
            raise UnsupportedMediaType(f"the body is {content_type[:80]!r}; expected {_FORM}")
        if request.content_length > MAX_FORM_OCTETS:
            raise ContentTooLarge(f"the form exceeds {MAX_FORM_OCTETS} octets")
        if request.expects_continue:
            await self._connection.send(_CONTINUE)
        body, content = self._begin_body(request), bytearray()
        while not body.complete:
            content += await self._receive_content(body)
            if len(content) > MAX_FORM_OCTETS:
                raise ContentTooLarge(f"the form exceeds {MAX_FORM_OCTETS} octets")
        return parse_form(content.decode("utf-8", "replace"))

    def wait_gone(self) -> Awaitable[None]:
        """Discard whatever arrives until the client closes its side."""
        return self._drain(None)

    # Sending

    def send(self, data: bytes | memoryview) -> Awaitable[None]:
        """Send octets, whatever they mean."""
        return self._connection.send(data)

    def head(self, status: int, *fields: Field) -> bytes:
        """The head of a response, with Server and Date; what else it says is the caller's (see `wire.head`)."""
        return head(status, *fields, origin=self.lab.origin())

    def message(
        self, request: RequestHead, status: int, *fields: Field, body: bytes = b""
    ) -> bytes:
        """One whole and truthful response, for a mode that sends it in its own way."""
        return self._message(request, status, fields, body)

    def respond(
        self, request: RequestHead, status: int, *fields: Field, body: bytes = b""
    ) -> Awaitable[None]:
        """Send one whole and truthful response."""
        return self._connection.send(self._message(request, status, fields, body))

    async def refuse(self, error: RequestError, request: RequestHead | None = None) -> None:
        """Say what is wrong with the request (RFC 9457), and close if it can't be known where it ends."""
        fields = [("Content-Type", "application/problem+json")]
        if isinstance(error, MethodNotAllowed):
            fields.append(("Allow", error.allow))
        problem = {
            "title": reason_phrase(error.status),
            "status": error.status,
            "detail": str(error),
            "error": str(error),
            "success": False,
        }
        body = json.dumps(problem, ensure_ascii=False).encode()
        await self.respond(request or _UNREADABLE, error.status, *fields, body=body)
        if request is None:
            await self.finish()

    # Time

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Let time pass on the server's clock, which runs ``lab.speed`` times as fast as ours.

        Slept in a row, seconds add up without drift.
        """
        return self._connection.sleep(seconds / self.lab.speed)

    # Ending

    def is_ready(self) -> bool:
        """Whether the next request may be received; otherwise the exchange has to be ended."""
        request = self._request
        return (
            request is not None
            and request.persistent
            and not (request.has_body or self.finished)
            and request.method != "CONNECT"  # whatever follows is not HTTP to the client
        )

    async def end_exchange(self) -> None:
        """Make ready for the next request, or finish if there can be none (RFC 9112 §9.3, §9.6)."""
        request = self._request
        if self.finished or request is None or self.is_ready():
            return
        if request.persistent and request.has_body and not self._loses_track(request):
            await self._discard_body(request)
        else:
            await self.finish()

    async def finish(self) -> None:
        """End the response with a FIN the client can see.

        Closing while its octets are unread would send RST instead, which can erase the response
        from the client's buffer (RFC 9112 §9.6). So half-close, then drain.
        """
        if self.finished:
            return
        self.finished = True
        await self._connection.send_eof()
        await self._drain(self._connection.now() + self.lab.limits.linger)

    def reset(self) -> None:
        """Drop the connection with RST."""
        self.finished = True
        self._connection.reset()

    # Within

    def _message(
        self, request: RequestHead, status: int, fields: tuple[Field, ...], body: bytes
    ) -> bytes:
        close = request.has_body and self._loses_track(request)
        if request.method == "CONNECT" and status >= 300:
            close = True  # `is_ready` does not go on after a CONNECT
        return response(request, status, fields, body, origin=self.lab.origin(), close=close)

    def _begin_body(self, request: RequestHead) -> BodyReader:
        if self._body is None:
            self._body = BodyReader(request)
        return self._body

    async def _receive_content(self, body: BodyReader) -> bytes:
        """Some of the body: what has arrived with the head, then what the client sends."""
        reader = self._reader
        assert reader is not None  # a body follows a head
        data = reader.take()
        if not data:
            try:
                data = await self._connection.receive(self._connection.now() + self.lab.limits.body)
            except TimeoutError:
                problem = f"no octet of the body for {self.lab.limits.body:g} seconds"
                raise RequestTimeout(problem) from None
            if not data:
                raise PeerGone
        content = body.feed(data)
        self._connection.note_body(len(content))
        if body.complete and body.rest:
            reader.give_back(body.rest)
            body.rest = b""
        return content

    async def _discard_body(self, request: RequestHead) -> None:
        body = self._begin_body(request)
        try:
            while not body.complete:
                await self._receive_content(body)
        except RequestError:  # the response is out: where the next request begins can't be known
            await self.finish()

    async def _drain(self, deadline: float | None) -> None:
        try:
            while data := await self._connection.receive(deadline):
                if self._overhears:
                    self._overhear(data)
        except (TimeoutError, PeerGone):
            return

    def _loses_track(self, request: RequestHead) -> bool:
        """Whether it can't be known where the next request begins.

        Because reading the body has failed, or because the client may hold it back until it sees a
        100, which it was not sent (RFC 9110 §10.1.1).
        """
        if self._body is not None:
            return not self._body.complete
        return request.expects_continue and request.has_body

    def _overhear(self, data: bytes) -> None:
        """Enter in the account the first request of a client whose octets the mode itself ignores."""
        if self._reader is None:
            self._reader = RequestReader()
        try:
            self._reader.feed(data)
            request = self._reader.next_head()
        except RequestError:
            self._overhears = False
            self._reader = None
        else:
            if request is not None:
                self._connection.note_request(request)
                self._overhears = False
                self._reader = None


_UNREADABLE = RequestHead(b"", "GET", "*")  # stands for a request that could not be read
_UNREADABLE.persistent = False
