"""A connection on the hub: carries the octets of one conversation.

While nothing waits, an exchange costs one ``recv`` and one ``send``; the socket stays registered for input. If the
kernel has no room for output, the socket is registered for room instead, which slows a client that does not read.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import trio

from hamms_trio.errors import PeerGone
from hamms_trio.http.exchange.conversation import Conversation
from hamms_trio.http.exchange.delivery import Delivery, PauseReason
from hamms_trio.http.exchange.exchange import Exchange
from hamms_trio.http.exchange.tasks import Incomplete, perform
from hamms_trio.http.limits.limits import CONTENT_AT_ONCE
from hamms_trio.http.routes.response import FileBody, GivenAway, Response
from hamms_trio.http.serving.buffered_socket import BufferedSocket
from hamms_trio.http.serving.service import Service
from hamms_trio.net.accepted import Handover
from hamms_trio.net.hubs.hub import IN, LOST, OUT, Hub
from hamms_trio.net.tls import TlsSocket

logger = logging.getLogger(__name__)

REQUEST_READ_OCTETS = 8 * 1024  # of new requests: a larger buffer takes longer to allocate
BUG = "bug in the server: one connection ends"


class ServerConnection(BufferedSocket):
    """One accepted connection, from its acceptance to its last octet."""

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
        handover: Handover,
    ) -> None:
        self.conversation = Conversation(service, handover.client)
        self.conversation.answers.watch_by(handover.observer)
        self._nursery = nursery
        self._delivery: Delivery | None = None  # of a file, in progress without a task
        self._lingers_until: float | None = None  # at most
        self._has_task = False
        self._scope: trio.CancelScope | None = None  # of the task that answers
        self._room: trio.Event | None = None  # set when the kernel has room for the task's octets
        super().__init__(hub, service, handover)

    # Events that the hub reports

    def on_event(self, events: int) -> None:
        if self._deferred:
            self._write_deferred()
            if self._waits_for_room or not self.is_open:
                return
        try:
            if events != IN:
                self._on_other_event(events)
                return
            conversation = self.conversation
            data = self.read(REQUEST_READ_OCTETS if conversation.is_idle else CONTENT_AT_ONCE)
            if data is None:
                return
            octets = conversation.receive(data) if data else conversation.end_of_input()
            if not conversation.is_idle:
                if octets:
                    self._write_all(octets)
                self._proceed()
            elif octets:
                self._write_in_turn(octets)
        except OSError as error:
            self._on_lost(error)
        except Exception:  # the boundary: a bug costs one connection
            logger.exception(BUG)
            self.reset()

    def abandon(self) -> None:
        """End at once, with a reset if an answer is missing."""
        if self._is_answering:
            self.reset()
        else:
            self.close()

    def check(self, now: float) -> None:
        """End the connection if it has waited too long."""
        if self._waits_for_room:
            if now >= self._room_due:
                self._service.account.write_errors["Timeout"] += 1
                self.reset()
        elif now >= self.conversation.deadline and self.is_open:
            if self._lingers_until is not None:
                self.close()
            else:
                self._send_from(self.conversation.on_deadline)
                self._end_overdue()

    def resume(self) -> None:
        """Answer the octets that an earlier owner has read, if there are any."""
        octets, self._octets = self._octets, b""
        if octets:
            self._send_from(lambda: self.conversation.receive(octets))

    def refuse(self) -> None:
        """Answer that there is no room for this client."""
        self._send_from(self.conversation.turn_away)

    def drain(self) -> None:
        """Read octets that have arrived, and half-close if the client has unread octets.

        A close would cost the client those octets if it went on sending, as pipelining clients do.
        """
        if not self._waits_for_room and self._events & IN and self._lingers_until is None:
            self.on_event(IN)
        is_idle = not self._is_answering and self._lingers_until is None
        if self.is_open and is_idle and self._undelivered:
            self._send_from(self.conversation.end)

    @property
    def is_busy(self) -> bool:
        """True if an answer is not in the kernel yet, or the last one is still there."""
        return self._is_answering or bool(self._lingers_until is not None and self._undelivered)

    @property
    def _is_answering(self) -> bool:
        return self._waits_for_room or bool(self._deferred) or self.conversation.is_busy

    # Calls of a task (see `tasks.Carrier`)

    async def send(self, data: bytes) -> None:
        if self._waits_for_room:
            await self._wait_room()
        if self.is_open:
            try:
                self._write_all(data)
            except OSError as error:
                self._on_lost(error)
        if not self.is_open:
            raise PeerGone
        if self._waits_for_room:
            await self._wait_room()

    async def _wait_room(self) -> None:
        self._room = trio.Event()
        await self._room.wait()
        if not self.is_open:
            raise PeerGone

    async def _run_task(self) -> None:
        """Finish one exchange in a task."""
        with trio.CancelScope() as self._scope:
            await self._finish_exchange()

    async def _finish_exchange(self) -> None:
        conversation = self.conversation
        exchange = conversation.exchange
        if exchange is None or not self.is_open:  # the client left before the task's first turn
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
                if not self.is_open:
                    self._drop(exchange)
                elif exchange.is_overdue:
                    self._send_from(conversation.abandon_overdue)
        except PeerGone:
            self.reset()
        except Incomplete as problem:
            if problem.needs_reset:
                self.reset()
            else:
                self.close()
        except Exception:  # the boundary: a bug costs one connection
            logger.exception(BUG)
            self.reset()
        if self.is_open:
            self._send_from(conversation.advance)

    # Within

    def _send_from(self, produce: Callable[[], bytes]) -> None:
        """Send octets that the conversation produces outside of an event, and take the next step."""
        try:
            octets = produce()
            if octets:
                self._write_all(octets)
            self._proceed()
        except OSError as error:
            self._on_lost(error)
        except Exception:  # the boundary: a bug costs one connection
            logger.exception(BUG)
            self.reset()

    def _on_other_event(self, events: int) -> None:
        if self._waits_for_room and events & OUT and not events & LOST:
            self._on_room()
        elif events & LOST and not events & IN:
            # Both sides are closed, or the client has reset: no waiting octet can be delivered.
            if (error := self.loss()) is not None:
                self._on_lost(error)
        elif events & IN:
            self.on_event(IN)

    def _on_room(self) -> None:
        if self._delivery is not None and not self._has_task:
            self._waits_for_room = False
            self._proceed()
            return
        if not self._write_waiting():
            return
        self.conversation.extend_deadline(self._service.clock() - self._waits_since)
        self.watch_for(0 if self.conversation.ended else IN)
        if self._room is not None:
            room, self._room = self._room, None
            room.set()
        else:
            self._proceed()

    def _proceed(self) -> None:
        """Take the next step after the conversation's octets were sent."""
        conversation = self.conversation
        if self._waits_for_room or not self.is_open:
            return
        exchange = conversation.exchange
        if exchange is not None:
            if self._has_task:
                self._slow_down()
            elif self._delivery is not None:
                self._deliver(self._delivery, exchange)
            elif isinstance(exchange.response, GivenAway):
                self._give_away(exchange, exchange.response)
            elif exchange.response is not None and (body := exchange.file) is not None:
                self._begin_delivery(exchange, exchange.response, body)
            else:
                self._start_task()
        elif conversation.has_more:
            self._hub.call_next(self._on_turn, self.group)
            self.watch_for(0)
        elif conversation.closing:
            self._leave()
        else:
            self.watch_for(0 if conversation.ended else IN)
        self._service.announce_end()

    def _give_away(self, exchange: Exchange, response: GivenAway) -> None:
        """Let another owner answer, who may give the connection back."""
        answers = self.conversation.answers
        octets = self.conversation.give_away(exchange, response.request_content)
        given = replace(
            self.release(answers.client, octets),
            observer=answers.lend_watch(),
            on_end=self._on_ended,
            giver=self._service.take_back,
            on_answered=partial(answers.note_of_another, exchange),
        )
        response.hand_over(given)

    def _start_task(self) -> None:
        self._has_task = True
        self._nursery.start_soon(self._run_task)
        self._slow_down()

    def _begin_delivery(self, exchange: Exchange, response: Response, body: FileBody) -> None:
        """Send a file without a task, as long as it is in memory."""
        head = self.conversation.encode(exchange, response)
        self.conversation.await_client(exchange)
        self._delivery = Delivery(exchange, self.write, self._descriptor_for_files, head, body)
        self._service.in_flight += 1
        self._deliver(self._delivery, exchange)

    def _deliver(self, delivery: Delivery, exchange: Exchange) -> None:
        conversation = self.conversation
        try:
            need = delivery.proceed()
        except Incomplete:
            self.close()
            return
        if need is PauseReason.ROOM:
            self._wait_for_room()
            if delivery.kept:
                self._service.backlog.keep(self, delivery.kept)
            else:
                self._service.backlog.release(self)
            return
        self._service.backlog.release(self)
        self._waits_for_room = False
        self.watch_for(0 if conversation.ended else IN)
        if need is PauseReason.DISK:
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

    @property
    def _descriptor_for_files(self) -> int | None:
        """The descriptor into which the kernel may copy files; None if we have to copy them."""
        passes_through = isinstance(self._socket, TlsSocket) or self._observer is not None
        return None if passes_through or not isinstance(self._socket, socket.socket) else self._fd

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
        is_full, exchange = conversation.is_full, conversation.exchange
        self.watch_for(0 if conversation.ended or is_full else IN)
        if is_full and exchange is not None and exchange.content is not None:
            exchange.content.on_room = self._on_taken

    def _on_taken(self) -> None:
        if self.is_open and not self._waits_for_room and not self.conversation.ended:
            self.watch_for(IN)

    def _end_overdue(self) -> None:
        """Cancel the task of an overdue exchange; end the connection if its client can get no answer."""
        exchange = self.conversation.exchange
        if exchange is None or not exchange.is_overdue or not self.is_open:
            return
        if exchange.has_answered or self._scope is None or self._scope.cancel_called:
            self.reset()
        else:
            self._scope.cancel()

    def _on_turn(self) -> None:
        if self.is_open and not self._waits_for_room and self.conversation.has_more:
            self._send_from(self.conversation.advance)

    def _leave(self) -> None:
        """End the connection so that the last answer arrives.

        A close while octets of the client are unread is seen as a reset, which would destroy it: so
        half-close, and read until the client has closed its side too (RFC 9112 §9.6). Many send the whole of a body
        before they read the answer, so the server waits as long as octets come.
        """
        conversation = self.conversation
        if conversation.ended:
            self.close()
            return
        limits, now = self._service.limits, self._service.clock()
        if self._lingers_until is None:
            self._lingers_until = now + limits.content_seconds
            self.finish()
            self.watch_for(IN)
        conversation.deadline = min(now + limits.linger_seconds, self._lingers_until)

    def _on_lost(self, error: OSError) -> None:
        errors = self._service.account.read_errors
        if self._waits_for_room or self._delivery is not None:
            errors = self._service.account.write_errors
        errors[type(error).__name__] += 1
        self.close()

    def _on_closed(self) -> None:
        self.conversation.answers.close_watch()

    def _on_detached(self) -> None:
        if self._room is not None:
            self._room.set()
        elif self._scope is not None:
            self._scope.cancel()
        elif self.conversation.exchange is not None:
            self._drop(self.conversation.exchange)
        else:
            self.conversation.on_end()
