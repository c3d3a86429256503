"""A connection on the hub: carries the octets of one conversation.

While nothing waits, an exchange costs one ``recv`` and one ``send``; the socket stays registered for
input. Only when output does not fit into the kernel's buffer is it registered for room instead, which
is what slows down a client that asks faster than it reads.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from time import monotonic
from typing import ClassVar

import trio

from hamms_trio.errors import PeerGone
from hamms_trio.http.exchange.conversation import Conversation
from hamms_trio.http.exchange.delivery import Delivery, Need
from hamms_trio.http.exchange.exchange import Exchange
from hamms_trio.http.exchange.tasks import Incomplete, perform
from hamms_trio.http.limits.limits import BODY_OCTETS
from hamms_trio.http.routes.response import FileBody, GivenAway, Response
from hamms_trio.http.serving.buffered_socket import BufferedSocket
from hamms_trio.http.serving.service import Service
from hamms_trio.net.hub import IN, LOST, OUT, Hub
from hamms_trio.wire import chunk, last_chunk

logger = logging.getLogger(__name__)

RECEIVE_OCTETS = 8 * 1024  # of new requests: a larger buffer takes longer to allocate
BUG = "bug in the server: one connection ends"
NOTHING = memoryview(b"")


class ServerConnection(BufferedSocket):
    """One accepted connection, from its acceptance to its last octet."""

    sends_files: ClassVar[bool] = True  # see `_begin_delivery`
    gives_away: ClassVar[bool] = True

    __slots__ = (
        "_delivery",
        "_has_task",
        "_lingers_until",
        "_nursery",
        "_room",
        "_scope",
        "conversation",
    )

    def __init__(
        self,
        hub: Hub,
        nursery: trio.Nursery,
        service: Service,
        sock: socket.socket,
        client: tuple[str, int],
    ) -> None:
        self.conversation = Conversation(service, client)
        self._nursery = nursery
        self._delivery: Delivery | None = None  # of a file, in progress without a task
        self._lingers_until: float | None = None  # at most
        self._has_task = False
        self._scope: trio.CancelScope | None = None  # of the task that answers
        self._room: trio.Event | None = None  # set when there is room for what that task sends
        super().__init__(hub, service, sock)

    # Events that the hub reports

    def on_event(self, events: int) -> None:
        try:
            if events != IN:
                self._on_other_event(events)
                return
            conversation = self.conversation
            data = self._socket.recv(RECEIVE_OCTETS if conversation.is_idle else BODY_OCTETS)
            octets = conversation.receive(data) if data else conversation.end_of_input()
            if octets:
                self._write(octets)
            if not conversation.is_idle:
                self._proceed()
        except BlockingIOError:  # the event was meant for an earlier owner of the descriptor
            pass
        except OSError as error:
            self._lost(error)
        except Exception:  # the boundary: a bug costs one connection
            logger.exception(BUG)
            self.abort()

    def abandon(self) -> None:
        """End at once, with a reset if an answer is missing."""
        if self._is_answering:
            self.abort()
        else:
            self._close()

    def check(self, now: float) -> None:
        """End the connection if it has waited too long."""
        if self._out is not None:
            if now >= self._out_due:
                self._service.account.write_errors["Timeout"] += 1
                self.abort()
        elif now >= self.conversation.deadline and self._fd >= 0:
            if self._lingers_until is not None:
                self._close()
            else:
                self._send_from(self.conversation.on_deadline)
                self._end_overdue()

    def refuse(self) -> None:
        """Answer that there is no room for this client."""
        self._send_from(self.conversation.turn_away)

    def drain(self) -> None:
        """Read what has come already, and half-close towards a client that has much to read yet.

        A close would cost the client those octets if it went on sending, as pipelining clients do.
        """
        if self._out is None and self._events & IN and self._lingers_until is None:
            self.on_event(IN)
        is_idle = not self._is_answering and self._lingers_until is None
        if self._fd >= 0 and is_idle and self._unsent:
            self._send_from(self.conversation.end)

    @property
    def is_busy(self) -> bool:
        """True if an answer is not in the kernel yet, or the last one is still there."""
        return self._is_answering or bool(self._lingers_until is not None and self._unsent)

    @property
    def _is_answering(self) -> bool:
        return self._out is not None or self.conversation.is_busy

    # Calls of a task (see `tasks.Carrier`)

    async def send(self, data: bytes) -> None:
        if self._out is not None:
            await self._wait_room()
        if self._fd >= 0:
            try:
                self._write(data)
            except OSError as error:
                self._lost(error)
        if self._fd < 0:
            raise PeerGone
        if self._out is not None:
            await self._wait_room()

    def give_away(self, exchange: Exchange, response: GivenAway) -> None:
        if self._fd < 0:
            raise PeerGone
        head, content = exchange.match.head, response.request_content
        if head.chunked:  # whose own chunks are decoded already
            content = (chunk(content) if content else b"") + last_chunk()
        rest = self.conversation.give_away(exchange, response.status)
        client = self.conversation.answers.client
        response.take(self._release(client, head.octets + content + rest))

    async def _wait_room(self) -> None:
        self._room = trio.Event()
        await self._room.wait()
        if self._fd < 0:
            raise PeerGone

    async def _run_task(self) -> None:
        """Finish one exchange in a task."""
        with trio.CancelScope() as self._scope:
            await self._finish_exchange()

    async def _finish_exchange(self) -> None:
        conversation = self.conversation
        exchange = conversation.exchange
        if exchange is None or self._fd < 0:  # the client left before the task's first turn
            return
        try:
            try:
                if self._delivery is None:
                    await perform(self, self._service, conversation, exchange)
                else:
                    await self._delivery.read()
            finally:
                self._scope = None
                self._has_task = False
                if self._fd < 0:
                    self._drop(exchange)
                elif exchange.is_overdue:
                    self._send_from(conversation.abandon_overdue)
        except PeerGone:
            self.abort()
        except Incomplete as problem:
            if problem.needs_reset:
                self.abort()
            else:
                self._close()
        except Exception:  # the boundary: a bug costs one connection
            logger.exception(BUG)
            self.abort()
        if self._fd >= 0:
            self._send_from(conversation.advance)

    # Within

    def _send_from(self, produce: Callable[[], bytes]) -> None:
        """Send octets that the conversation produces outside of an event, and take the next step."""
        try:
            octets = produce()
            if octets and self._out is None:
                self._write(octets)
            elif octets:
                self._wait_for(memoryview(bytes(self._out or b"") + octets))
            self._proceed()
        except OSError as error:
            self._lost(error)
        except Exception:  # the boundary: a bug costs one connection
            logger.exception(BUG)
            self.abort()

    def _on_other_event(self, events: int) -> None:
        if self._out is not None and events & OUT and not events & LOST:
            self._on_room()
        elif events & LOST and not events & IN:
            # Both sides are closed, or the client has reset: no waiting octet can be delivered.
            self._lost(OSError(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), ""))
        elif events & IN:
            self.on_event(IN)

    def _on_room(self) -> None:
        assert self._out is not None
        if self._delivery is not None and not self._has_task:
            self._out = None
            self._proceed()
            return
        if not self._write_rest():
            return
        self.conversation.extend_deadline(self._service.clock() - self._out_since)
        self._watch(0 if self.conversation.ended else IN)
        if self._room is not None:
            room, self._room = self._room, None
            room.set()
        else:
            self._proceed()

    def _proceed(self) -> None:
        """Take the next step after the conversation's octets were sent."""
        conversation = self.conversation
        if self._out is not None or self._fd < 0:
            return
        exchange = conversation.exchange
        if exchange is not None:
            if self._has_task:
                self._slow_down()
            elif self._delivery is not None:
                self._deliver(self._delivery, exchange)
            elif exchange.response is not None and (body := exchange.file) is not None:
                self._begin_delivery(exchange, exchange.response, body)
            else:
                self._start_task()
        elif conversation.has_more:
            self._hub.call_next(self._on_turn)
            self._watch(0)
        elif conversation.closing:
            self._leave()
        else:
            self._watch(0 if conversation.ended else IN)
        self._service.announce_end()

    def _start_task(self) -> None:
        self._has_task = True
        self._nursery.start_soon(self._run_task)
        self._slow_down()

    def _begin_delivery(self, exchange: Exchange, response: Response, body: FileBody) -> None:
        """Send a file without a task, as long as it is in memory."""
        head = self.conversation.encode(exchange, response)
        self.conversation.await_client(exchange)
        self._delivery = Delivery(exchange, self._socket, head, body)
        self._service.in_flight += 1
        self._deliver(self._delivery, exchange)

    def _deliver(self, delivery: Delivery, exchange: Exchange) -> None:
        conversation = self.conversation
        try:
            need = delivery.proceed()
        except Incomplete:
            self._close()
            return
        if need is Need.ROOM:
            self._wait_for(NOTHING)
            if delivery.kept:
                self._service.backlog.keep(self, delivery.kept)
            else:
                self._service.backlog.release(self)
            return
        self._service.backlog.release(self)
        self._out = None
        self._watch(0 if conversation.ended else IN)
        if need is Need.DISK:
            self._start_task()
            return
        self._delivery = None
        self._service.in_flight -= 1
        exchange.close()
        assert exchange.response is not None
        conversation.finish(exchange, exchange.response.status)
        if conversation.has_more:
            self._proceed()
        elif not conversation.is_finished():
            self._send_from(conversation.advance)

    def _drop(self, exchange: Exchange) -> None:
        """Drop everything that an exchange has kept."""
        self.conversation.on_end()
        if self._delivery is not None:
            self._delivery = None
            self._service.in_flight -= 1
            assert exchange.response is not None
            self.conversation.answers.note(exchange, exchange.response.status)

    def _slow_down(self) -> None:
        """Read as much as the task has use for, and no more."""
        conversation = self.conversation
        is_full = conversation.is_full
        self._watch(0 if conversation.ended or is_full else IN)
        if (
            is_full
            and conversation.exchange is not None
            and conversation.exchange.content is not None
        ):
            conversation.exchange.content.on_room = self._on_taken

    def _on_taken(self) -> None:
        if self._fd >= 0 and self._out is None and not self.conversation.ended:
            self._watch(IN)

    def _end_overdue(self) -> None:
        """Cancel the task of an overdue exchange; end the connection if its client can get no answer."""
        exchange = self.conversation.exchange
        if exchange is None or not exchange.is_overdue or self._fd < 0:
            return
        if exchange.has_answered or self._scope is None or self._scope.cancel_called:
            self.abort()
        else:
            self._scope.cancel()

    def _on_turn(self) -> None:
        if self._fd >= 0 and self._out is None and self.conversation.has_more:
            self._send_from(self.conversation.advance)

    def _leave(self) -> None:
        """End the connection so that the last answer arrives.

        A close while octets of the client are unread is seen as a reset, which would destroy it: so
        half-close, and read until the client has closed its side too (RFC 9112 §9.6). Many send the whole of a body
        before they read the answer, so the server waits as long as octets come.
        """
        conversation = self.conversation
        if conversation.ended:
            self._close()
            return
        limits, now = self._service.limits, monotonic()
        if self._lingers_until is None:
            self._lingers_until = now + limits.content_seconds
            self._socket.shutdown(socket.SHUT_WR)
            self._watch(IN)
        conversation.deadline = min(now + limits.linger_seconds, self._lingers_until)

    def _lost(self, error: OSError) -> None:
        errors = self._service.account.read_errors
        if self._out is not None or self._delivery is not None:
            errors = self._service.account.write_errors
        errors[type(error).__name__] += 1
        self._close()

    def _on_end(self) -> None:
        """Wake a task that waits for this connection: it has ended."""
        if self._room is not None:
            self._room.set()
        elif self._scope is not None:
            self._scope.cancel()
        elif self.conversation.exchange is not None:
            self._drop(self.conversation.exchange)
        else:
            self.conversation.on_end()
