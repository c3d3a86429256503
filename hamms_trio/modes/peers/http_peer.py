"""HTTP/1.1 on top of a peer's octets: reading requests, and answering them truthfully."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Protocol

from hamms_trio.canary import CANARY_OCTETS, canary, pieces
from hamms_trio.errors import (
    ContentTooLarge,
    MethodNotAllowed,
    PeerGone,
    RequestError,
    RequestTimeout,
    UnsupportedMediaType,
)
from hamms_trio.modes.model.environment import Environment
from hamms_trio.modes.peers.connection import PeerConnection
from hamms_trio.wire import (
    MAX_FORM_OCTETS,
    BodyReader,
    Field,
    RequestHead,
    RequestReader,
    connection_lines,
    head,
    malformed_head,
    parse_form,
    reason_phrase,
    response,
)
from hamms_trio.wire.http1.build import CONTINUE, CRLF

ENCOUNTERS_IN_ONE_GO = 16  # pipelined requests answered before the other clients get their turn

_FORM = "application/x-www-form-urlencoded"


class OctetPeer(Protocol):
    """The peer beneath, with its octets, its time and its ending."""

    environment: Environment
    finished: bool

    @property
    def connection(self) -> PeerConnection: ...
    @property
    def nonce(self) -> str: ...
    def send(self, data: bytes | memoryview) -> Awaitable[None]: ...
    def finish(self) -> Awaitable[None]: ...


class HttpPeer:
    """The client as one that speaks HTTP/1.1.

    Attributes:
        base: the part of the target's path that belongs to the door; ``path`` is the rest.
        goes_on: True if HTTP continues after the current CONNECT: in the tunnel, or because it was refused.
        exchanges: the number of requests on this connection, including the current one.
        problem: the error in the current request, for a lenient mode; None if it is well-formed.
    """

    __slots__ = (
        "_body", "_connection", "_is_deaf", "_peer", "_reader", "_request", "_run", "base",
        "exchanges", "goes_on", "problem",
    )  # fmt: skip

    def __init__(self, peer: OctetPeer) -> None:
        self.base = ""
        self.exchanges = 0
        self.goes_on = False
        self.problem: RequestError | None = None
        self._peer = peer
        self._connection = peer.connection
        self._reader = RequestReader()
        self._request: RequestHead | None = None
        self._body: BodyReader | None = None
        self._run = 0
        self._is_deaf = False  # True once what is overheard is not HTTP

    # The request

    async def receive_head(self) -> RequestHead:
        """Read up to the end of the next request's header section.

        Raises:
            RequestError: the head is malformed, too large, or was not complete in time.
            PeerGone: the client closed its side, or sent nothing for too long.
        """
        reader = self._reader
        connection, limits = self._connection, self._peer.environment.limits
        request, begun = None, False
        if not reader.is_empty:
            request = reader.next_head()
            begun = not reader.is_empty  # the empty lines before a head do not count
        if request is None:
            self._run = 0
            deadline = connection.now() + (limits.head if begun else limits.idle)
        else:
            self._run += 1
            if self._run % ENCOUNTERS_IN_ONE_GO == 0:
                await connection.pause()
        while request is None:
            try:
                data = await connection.receive(deadline)
            except TimeoutError:
                if begun:
                    problem = f"the head was not complete after {limits.head:g} seconds"
                    raise RequestTimeout(problem) from None
                await self._peer.finish()
                raise PeerGone from None
            if not data:
                raise PeerGone
            reader.feed(data)
            request = reader.next_head()
            if request is None and not begun and not reader.is_empty:
                begun = True
                deadline = connection.now() + limits.head
        self._begin(request)
        return request

    def peek_malformed(self) -> RequestHead:
        """Return the octets that could not be read as a request, with a request line if they have one."""
        octets = self._reader.take()
        self._reader.give_back(octets)
        return malformed_head(octets)

    def take_malformed(self, request: RequestHead, problem: RequestError) -> None:
        """Make a malformed request the current one."""
        self._reader.take()
        self._begin(request)
        self.problem = problem

    @property
    def path(self) -> str:
        """The current request's path without the part that belongs to the door."""
        path = self._request.path if self._request is not None else "/"
        return path[len(self.base) :] or "/" if self.base else path

    def link(self, path: str) -> str:
        """Return the target by which a client finds ``path`` through the same door."""
        return self.base + path

    async def stays_idle(self, seconds: float) -> bool:
        """Wait for the next request on the server's clock; return True if none has begun in that time.

        Raises:
            PeerGone: the client closed its side meanwhile.
        """
        if not self._reader.is_empty:
            return False
        real_seconds = seconds / self._peer.environment.speed
        try:
            data = await self._connection.receive(self._connection.now() + real_seconds)
        except TimeoutError:
            return True
        if not data:
            raise PeerGone
        self._reader.feed(data)
        return False

    async def receive_content(self, *, invites: bool = True) -> bytes:
        """Read some of the current request's content, or none at its end.

        Args:
            invites: True if a client that waits for ``100 Continue`` is sent one.

        Raises:
            RequestError: the content is malformed, or late.
        """
        request = self._request
        if request is None or not request.has_body:
            return b""
        if self._body is None and request.expects_continue and invites:
            await self._connection.send(CONTINUE)
        body = self._begin_body(request)
        while not body.complete:
            if content := await self._read_content(body):
                return content
        return b""

    async def receive_form(self) -> dict[str, str]:
        """Read the current request's content as application/x-www-form-urlencoded.

        Raises:
            RequestError: the content is too large, of another type, malformed, or late.
        """
        request = self._request
        if request is None or not request.has_body:
            return {}
        content_type = (request.get("content-type") or _FORM).partition(";")[0].strip().lower()
        if content_type != _FORM:
            raise UnsupportedMediaType(f"the body is {content_type[:80]!r}; expected {_FORM}")
        content, octets = bytearray(), request.content_length
        while octets <= MAX_FORM_OCTETS and (piece := await self.receive_content()):
            content += piece
            octets = max(octets, len(content))
        if octets > MAX_FORM_OCTETS:
            raise ContentTooLarge(f"the form exceeds {MAX_FORM_OCTETS} octets")
        return parse_form(content.decode("utf-8", "replace"))

    async def discard_content(self) -> None:
        """Read and drop the rest of the current request's content; finish if that fails."""
        request = self._request
        if request is None or not request.has_body:
            return
        body = self._begin_body(request)
        try:
            while not body.complete:
                await self._read_content(body)
        except RequestError:  # where the next request begins can't be known
            await self._peer.finish()

    def take_unread(self) -> bytes:
        """Return the octets that have arrived after the current request, and drop them here."""
        return self._reader.take()

    # The response

    def head(self, status: int, *fields: Field) -> bytes:
        """Return the head of a response with Server, Date, the nonce and these fields (see `wire.head`)."""
        return head(status, *fields, origin=self._origin(status))

    def raw_head(self, *lines: bytes, start: bytes = b"HTTP/1.1 200 OK") -> bytes:
        """Return a head of any octets: ``start``, Server, Date, nonce, then ``lines``, and the empty line."""
        return b"".join((start, CRLF, self._origin(), *(line + CRLF for line in lines), CRLF))

    def canary_head(
        self, *lines: bytes, start: bytes = b"HTTP/1.1 200 OK", octets: int = CANARY_OCTETS
    ) -> bytes:
        """Return a head that frames ``octets`` of the canary truthfully, with ``lines`` among its own."""
        kept = connection_lines(self._request) if self._request else ()
        own = b"Content-Type: text/plain", *lines, *kept, b"Content-Length: %d" % octets
        return self.raw_head(*own, start=start)

    async def respond_with_canary(
        self, *lines: bytes, start: bytes = b"HTTP/1.1 200 OK", octets: int = CANARY_OCTETS
    ) -> None:
        """Send such a head (see `canary_head`), and the canary."""
        await self._peer.send(self.canary_head(*lines, start=start, octets=octets))
        await self.send_canary(octets)

    def canary(self, octets: int = CANARY_OCTETS, *, start: int = 0) -> bytes:
        """Return some of the canary of this exchange's nonce (see `hamms_trio.canary`)."""
        return canary(self._peer.nonce, octets, start=start)

    async def send_canary(self, octets: int, *, start: int = 0) -> None:
        """Send some of the canary; nothing in answer to HEAD.

        A piece takes almost a millisecond to make, so other connections have a turn after each.
        """
        if self._request is None or self._request.method != "HEAD":
            for number, piece in enumerate(pieces(self._peer.nonce, octets, start=start)):
                if number:
                    await self._connection.pause()
                await self._peer.send(piece)

    def message(
        self, request: RequestHead, status: int, *fields: Field, body: bytes = b""
    ) -> bytes:
        """Return one whole and truthful response, for a mode that sends it in its own way."""
        close = request.has_body and self._loses_track(request)
        if request.method == "CONNECT" and status >= 300:
            close = not self.goes_on
        origin = self._origin(status if request is not _UNREADABLE else 0)
        return response(request, status, fields, body, origin=origin, close=close)

    def respond(
        self, request: RequestHead, status: int, *fields: Field, body: bytes = b""
    ) -> Awaitable[None]:
        """Send one whole and truthful response."""
        return self._peer.send(self.message(request, status, *fields, body=body))

    async def refuse(self, error: RequestError, request: RequestHead | None = None) -> None:
        """Report the problem of a request (RFC 9457), and close if the request's end can't be found."""
        fields = [("Content-Type", "application/problem+json")]
        if isinstance(error, MethodNotAllowed):
            fields.append(("Allow", error.allow))
        status, detail = error.status, str(error)
        problem = {"title": reason_phrase(status), "status": status, "detail": detail}
        problem |= {"error": detail, "success": False}
        body = json.dumps(problem, ensure_ascii=False).encode()
        await self.respond(request or _UNREADABLE, status, *fields, body=body)
        if request is None:
            await self._peer.finish()

    def _origin(self, status: int = 200) -> bytes:
        """Return the field lines that every response has: of the server, and the nonce if it is a final one."""
        origin = self._peer.environment.origin()
        if status < 200:
            return origin
        return b"%bX-Hamms-Nonce: %b\r\n" % (origin, self._peer.nonce.encode())

    # The end of an exchange

    def is_ready(self) -> bool:
        """Return True if the connection can receive the next request; if not, end the exchange."""
        request = self._request
        if request is None or request.has_body or self._peer.finished:
            return False
        return self.goes_on if request.method == "CONNECT" else request.persistent

    async def end_exchange(self) -> None:
        """Prepare for the next request, or finish if there can be none (RFC 9112 §9.3, §9.6)."""
        request = self._request
        if self._peer.finished or request is None or self.is_ready():
            return
        if request.persistent and request.has_body and not self._loses_track(request):
            await self.discard_content()
        else:
            await self._peer.finish()

    def overhear(self, data: bytes, *, heads: bool) -> bool:
        """Record octets that the mode does not read: a request, and the rest of its body.

        Args:
            heads: False to record no request but the current one.

        Returns:
            True if a request has been recorded.
        """
        if self._is_deaf or not (heads or self._has_unread_body()):
            return False
        reader = self._reader
        reader.feed(data)
        begins = False
        try:
            if heads:
                request = reader.next_head()
                if request is None:
                    return False
                self._begin(request)
                begins = True
            if self._has_unread_body() and (octets := reader.take()):
                assert self._request is not None
                content = self._begin_body(self._request).feed(octets)
                self._connection.observer.body(content)
        except RequestError:
            self._is_deaf = True
        return begins

    # Within

    def _has_unread_body(self) -> bool:
        request = self._request
        has_body = request is not None and request.has_body
        return has_body and (self._body is None or not self._body.complete)

    def _begin(self, request: RequestHead) -> None:
        self._request = request
        self._body = None
        self.exchanges += 1
        self.goes_on = False
        self.problem = None
        self._connection.observer.head(request)

    def _begin_body(self, request: RequestHead) -> BodyReader:
        if self._body is None:
            self._body = BodyReader(request)
        return self._body

    async def _read_content(self, body: BodyReader) -> bytes:
        """Read some of the body: the octets that arrived with the head, then those that the client sends."""
        reader = self._reader
        data = reader.take()
        if not data:
            seconds = self._peer.environment.limits.body
            try:
                data = await self._connection.receive(self._connection.now() + seconds)
            except TimeoutError:
                raise RequestTimeout(f"no octet of the body for {seconds:g} seconds") from None
            if not data:
                raise PeerGone
        content = body.feed(data)
        self._connection.observer.body(content)
        if body.complete and body.rest:
            reader.give_back(body.rest)
            body.rest = b""
        return content

    def _loses_track(self, request: RequestHead) -> bool:
        """Return True if the beginning of the next request can't be found.

        The body may be unreadable, or the client may still wait for a 100 before it sends one (RFC 9110 §10.1.1).
        """
        if self._body is not None:
            return not self._body.complete
        return request.expects_continue and request.has_body


_UNREADABLE = malformed_head(b"")  # stands for a request that could not be read
