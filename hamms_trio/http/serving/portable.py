"""Conversations as ordinary trio tasks on trio streams: where epoll is missing, in tests, and over TLS.

The same conversations as on the hub; what differs is that each connection costs a task, and that files are
read by a thread.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Sequence
from typing import ClassVar

import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.errors import PeerGone
from hamms_trio.http.exchange.conversation import Conversation
from hamms_trio.http.exchange.exchange import Exchange
from hamms_trio.http.exchange.tasks import Incomplete, perform
from hamms_trio.http.limits.capacity import Capacity, Fate
from hamms_trio.http.routes.response import GivenAway
from hamms_trio.http.serving.service import Service
from hamms_trio.net.resets import reset_stream

logger = logging.getLogger(__name__)

RECEIVE_OCTETS = 16 * 1024
SETTLE_SECONDS = 1.0  # the account is at most so late
SEND_OCTETS = 64 * 1024  # in one piece, for which the client has to make room in time

_BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)

Stream = trio.abc.HalfCloseableStream | trio.SSLStream[trio.SocketStream]


class StreamConnection:
    """One accepted connection on a trio stream."""

    sends_files: ClassVar[bool] = False
    gives_away: ClassVar[bool] = False

    def __init__(self, service: Service, stream: Stream, client: tuple[str, int]) -> None:
        self.conversation = Conversation(service, client)
        self._service = service
        self._stream = stream
        self._sends = False
        self._sending = trio.CancelScope()  # the latest piece
        self._is_gone = False
        self._overheard = b""

    @property
    def is_busy(self) -> bool:
        """Whether a request was accepted, and its answer is not in the kernel yet."""
        return self._sends or self.conversation.is_busy

    async def run(self, *, refuse: bool = False) -> None:
        """Carry the conversation to its end, and close the stream."""
        service, stream = self._service, self._stream
        service.connections += 1
        resets = True  # if an answer is missing
        try:
            await self._converse(refuse=refuse)
        except PeerGone:
            pass
        except Incomplete as problem:
            resets = problem.needs_reset
        except Exception:  # the boundary: a bug costs one connection
            logger.exception("bug in the server: one connection ends")
        finally:
            service.connections -= 1
            service.announce_end()
            self.conversation.on_end()
            if resets and self.is_busy and isinstance(stream, trio.SocketStream):
                reset_stream(stream)
            await trio.aclose_forcefully(stream)

    # Calls of a task (see `tasks.Carrier`)

    def give_away(self, exchange: Exchange, response: GivenAway) -> None:
        raise AssertionError("a stream can't be given away")

    async def send(self, data: bytes) -> None:
        self._sends = True
        whole = memoryview(data)
        try:
            for at in range(0, len(whole), SEND_OCTETS):
                self._service.backlog.keep(self, len(whole))
                await self._send_piece(whole[at : at + SEND_OCTETS])
        finally:
            self._service.backlog.release(self)
        self._sends = False

    async def _send_piece(self, piece: memoryview) -> None:
        errors = self._service.account.write_errors
        with trio.move_on_after(self._service.limits.send_seconds) as self._sending:
            try:
                await self._stream.send_all(piece)
            except _BROKEN as error:
                errors[type(error.__cause__ or error).__name__] += 1
                raise PeerGone from error
        if self._sending.cancelled_caught:  # it does not read
            errors["BacklogFull" if self._is_gone else "Timeout"] += 1
            raise PeerGone

    def evict(self) -> None:
        """End at once, since there is no room for what its client does not read (see `backlog`)."""
        self._is_gone = True
        self._sending.cancel()

    # Within

    async def _converse(self, *, refuse: bool) -> None:
        conversation = self.conversation
        if refuse:
            await self.send(conversation.turn_away())
        while not conversation.closing:
            await self._say(await self._hear())
            while conversation.has_more or conversation.exchange is not None:
                if conversation.exchange is not None:
                    await self._perform()
                await self._say(conversation.advance())
        await self._leave()

    async def _say(self, octets: bytes) -> None:
        if octets:
            begun = trio.current_time()
            await self.send(octets)
            self.conversation.extend_deadline(trio.current_time() - begun)
        self._service.announce_end()

    async def _hear(self) -> bytes:
        """Answer the next octets, or their absence at the deadline."""
        conversation = self.conversation
        with trio.CancelScope(deadline=conversation.deadline) as scope:
            data = await self._receive()
            return conversation.receive(data) if data else conversation.end_of_input()
        assert scope.cancelled_caught
        return conversation.on_deadline()

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(RECEIVE_OCTETS))
        except trio.BrokenResourceError as error:
            self._service.account.read_errors[type(error.__cause__ or error).__name__] += 1
            raise PeerGone from error

    async def _perform(self) -> None:
        """Have a task finish the exchange, and hear meanwhile what the client says, or that it leaves."""
        conversation = self.conversation
        exchange = conversation.exchange
        assert exchange is not None
        problem: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._overhear, exchange, nursery.cancel_scope)
            try:
                await perform(self, self._service, conversation, exchange)
            except (PeerGone, Incomplete) as raised:
                problem = raised
            nursery.cancel_scope.cancel()
        if self._is_gone or problem is not None:
            try:
                raise problem or PeerGone
            finally:
                problem = None  # its traceback knows this frame, which would be a cycle
        overheard, self._overheard = self._overheard, b""
        if exchange.is_overdue:
            overheard += conversation.abandon_overdue()
        await self._say(overheard)

    async def _overhear(self, exchange: Exchange, scope: trio.CancelScope) -> None:
        """Go on hearing, and cancel ``scope`` when the client has left, or the task has taken too long."""
        conversation = self.conversation
        while True:
            # The deadline is moved while it is waited for, but never to be sooner than that.
            latest = trio.current_time() + self._service.limits.answer_seconds
            with trio.CancelScope(deadline=min(conversation.deadline, latest)):
                try:
                    # The exchange may have ended meanwhile, and this be the answer to the next.
                    self._overheard += await self._hear_more()
                except PeerGone:
                    self._is_gone = True
                    scope.cancel()
                    return
            if trio.current_time() >= conversation.deadline:
                self._overheard += conversation.on_deadline()
                if exchange.is_overdue:
                    self._is_gone = (
                        exchange.has_answered
                    )  # then only a reset says that something is missing
                    scope.cancel()
                    return

    async def _hear_more(self) -> bytes:
        """Answer octets that come while a task answers; wait for ever when none can come."""
        conversation = self.conversation
        if conversation.ended:
            await trio.sleep_forever()
        if conversation.is_full:
            await self._wait_room()
        data = await self._receive()
        return conversation.receive(data) if data else conversation.end_of_input()

    async def _wait_room(self) -> None:
        """Wait until the route has taken what is there; for ever if it does not read."""
        taken = trio.Event()
        exchange = self.conversation.exchange
        if exchange is not None and exchange.content is not None:
            exchange.content.on_room = taken.set
        await taken.wait()

    async def _leave(self) -> None:
        """End the connection so that the last answer arrives (see `ServerConnection`)."""
        stream, limits = self._stream, self._service.limits
        with trio.move_on_after(limits.content_seconds):
            try:
                with trio.move_on_after(limits.linger_seconds) as lingers:
                    if isinstance(stream, trio.SSLStream):
                        if await _unwrap(stream):
                            return
                        stream = stream.transport_stream
                    await stream.send_eof()
                    while not self.conversation.ended and await stream.receive_some(RECEIVE_OCTETS):
                        lingers.deadline = trio.current_time() + limits.linger_seconds
            except _BROKEN:
                pass


async def _unwrap(stream: trio.SSLStream[trio.SocketStream]) -> bool:
    """Say close_notify, and read until the client has too; whether it has said nothing else after ours.

    That it goes on is its right (RFC 8446 §6.1), but OpenSSL takes it for an error.
    """
    try:
        await stream.unwrap()
    except trio.BrokenResourceError as error:
        if not isinstance(error.__cause__, ssl.SSLError):
            raise
        return False
    return True


class PortableListeners:
    """Accepts connections, each as a task."""

    def __init__(
        self,
        service: Service,
        sockets: Sequence[socket.socket],
        certificate: ServerCertificate | None,
    ) -> None:
        self._service = service
        self._certificate = certificate
        self._sockets = sockets
        self._connections: set[StreamConnection] = set()
        self._capacity = Capacity(service)
        self._room = trio.Semaphore(self._capacity.limit)
        self._scope = trio.CancelScope()

    @property
    def connections(self) -> list[StreamConnection]:
        return list(self._connections)

    async def run(self, nursery: trio.Nursery, *, task_status: trio.TaskStatus[None]) -> None:
        """Accept until `finish`; the connections belong to ``nursery``."""
        listeners = [
            trio.SocketListener(trio.socket.from_stdlib_socket(sock)) for sock in self._sockets
        ]
        nursery.start_soon(self._keep_account)
        task_status.started()
        with self._scope:
            await trio.serve_listeners(self._serve, listeners, handler_nursery=nursery)

    def finish(self) -> None:
        """Close the listening sockets."""
        self._scope.cancel()
        for sock in self._sockets:
            sock.close()

    async def _keep_account(self) -> None:
        while True:
            await trio.sleep(SETTLE_SECONDS)
            self._service.account.settle()

    async def _serve(self, stream: trio.SocketStream) -> None:
        if self._capacity.waits:
            async with self._room:
                await self._serve_now(stream)
        else:
            await self._serve_now(stream)

    async def _serve_now(self, stream: trio.SocketStream) -> None:
        service, capacity = self._service, self._capacity
        if capacity.fate is Fate.RESET:
            reset_stream(stream)
            await trio.aclose_forcefully(stream)
            return
        try:
            client = stream.socket.getpeername()[:2]
        except OSError:  # it has left already
            client = ("unknown", 0)
        secured = await self._secured(stream)
        if secured is None:
            await trio.aclose_forcefully(stream)
            return
        connection = StreamConnection(service, secured, client)
        self._connections.add(connection)
        try:
            await connection.run(refuse=capacity.fate is not Fate.SERVED)
        finally:
            self._connections.discard(connection)

    async def _secured(self, stream: trio.SocketStream) -> Stream | None:
        """With TLS on it if that is asked for; None if the handshake came to nothing."""
        if self._certificate is None:
            return stream
        secured = trio.SSLStream(
            stream, self._certificate.context, server_side=True, https_compatible=True
        )
        self._capacity.handshake_began()
        try:
            with trio.fail_after(self._service.limits.handshake_seconds):
                await secured.do_handshake()
        except (trio.BrokenResourceError, trio.TooSlowError) as error:
            self._capacity.handshake_failed(str(error.__cause__ or "TIMEOUT"))
            return None
        self._capacity.handshake_ended()
        return secured
