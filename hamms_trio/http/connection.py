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
from hamms_trio.http.answering import Incomplete, perform
from hamms_trio.http.channel import Channel
from hamms_trio.http.conversation import BODY_OCTETS, Conversation
from hamms_trio.http.delivery import Delivery, Need
from hamms_trio.http.job import Job
from hamms_trio.http.response import FileBody, Response
from hamms_trio.http.service import Service
from hamms_trio.http.workers import Workers
from hamms_trio.net.hub import IN, LOST, OUT, Hub

logger = logging.getLogger(__name__)

RECEIVE_OCTETS = 8 * 1024  # of new requests; larger reads make the heap of kept heads sparse
BUG = "bug in the server: one connection ends"
NOTHING = memoryview(b"")


class ServerConnection(Channel):
    """One accepted connection, from its acceptance to its last octet."""

    sends_files: ClassVar[bool] = True  # see `_begin_delivery`

    __slots__ = (
        "_delivery",
        "_has_task",
        "_lingers_until",
        "_room",
        "_scope",
        "_workers",
        "conversation",
    )

    def __init__(
        self,
        hub: Hub,
        workers: Workers,
        service: Service,
        sock: socket.socket,
        client: tuple[str, int],
    ) -> None:
        self.conversation = Conversation(service, client)
        self._workers = workers
        self._delivery: Delivery | None = None  # of a file, under way without a task
        self._lingers_until: float | None = None  # at most
        self._has_task = False
        self._scope: trio.CancelScope | None = None  # of the task that answers
        self._room: trio.Event | None = None  # which that task waits for
        super().__init__(hub, service, sock)

    # What the hub tells

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
                self._go_on()
        except BlockingIOError:  # the event was meant for an earlier owner of the descriptor
            pass
        except OSError as error:
            self._lost(error)
        except Exception:  # the boundary: a bug costs one connection
            logger.exception(BUG)
            self.abort()

    def abandon(self) -> None:
        """End at once; by a reset if an answer is missing."""
        if self._is_answering:
            self.abort()
        else:
            self._close()

    def check(self, now: float) -> None:
        """End it if it has waited too long, and not ended meanwhile."""
        if self._out is not None:
            if now >= self._out_due:
                self._service.account.write_errors["Timeout"] += 1
                self.abort()
        elif now >= self.conversation.deadline and self._fd >= 0:
            if self._lingers_until is not None:
                self._close()
            else:
                self._tell(self.conversation.on_deadline)
                self._end_overdue()

    def refuse(self) -> None:
        """Tell the client that there is no room for it."""
        self._tell(self.conversation.turn_away)

    def drain(self) -> None:
        """Hear what has come already, since no more is accepted, and leave a client that has much to read yet.

        To close would cost it that if it went on talking, as whoever pipelines does.
        """
        if self._out is None and self._events & IN and self._lingers_until is None:
            self.on_event(IN)
        is_idle = not self._is_answering and self._lingers_until is None
        if self._fd >= 0 and is_idle and self._unsent:
            self._tell(self.conversation.end)

    @property
    def is_busy(self) -> bool:
        """Whether a request was accepted whose answer is not in the kernel yet, or the last one is there still."""
        return self._is_answering or bool(self._lingers_until is not None and self._unsent)

    @property
    def _is_answering(self) -> bool:
        return self._out is not None or self.conversation.is_busy

    # What a task does (see `answering.Carrier`)

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

    async def _wait_room(self) -> None:
        self._room = trio.Event()
        await self._room.wait()
        if self._fd < 0:
            raise PeerGone

    async def answer(self, scope: trio.CancelScope) -> None:
        """Finish one exchange (see `workers.Work`)."""
        conversation = self.conversation
        job = conversation.job
        if job is None or self._fd < 0:  # the client left before the task's first turn
            return
        self._scope = scope
        try:
            try:
                if self._delivery is None:
                    await perform(self, self._service, conversation, job)
                else:
                    await self._delivery.read()
            finally:
                self._scope = None
                self._has_task = False
                if self._fd < 0:
                    self._drop(job)
                elif job.is_overdue:
                    self._tell(conversation.give_up)
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
            self._tell(conversation.advance)

    # Within

    def _tell(self, say: Callable[[], bytes]) -> None:
        """Send what the conversation has to say outside of an event, and do what follows."""
        try:
            octets = say()
            if octets and self._out is None:
                self._write(octets)
            elif octets:
                self._wait_for(memoryview(bytes(self._out or b"") + octets))
            self._go_on()
        except OSError as error:
            self._lost(error)
        except Exception:  # the boundary: a bug costs one connection
            logger.exception(BUG)
            self.abort()

    def _on_other_event(self, events: int) -> None:
        if self._out is not None and events & OUT and not events & LOST:
            self._on_room()
        elif events & LOST and not events & IN:
            # Both sides are closed, or it was reset: nothing of what waits can be delivered.
            self._lost(OSError(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), ""))
        elif events & IN:
            self.on_event(IN)

    def _on_room(self) -> None:
        assert self._out is not None
        if self._delivery is not None and not self._has_task:
            self._out = None
            self._go_on()
            return
        if not self._write_rest():
            return
        self.conversation.put_off(self._service.clock() - self._out_since)
        self._watch(0 if self.conversation.ended else IN)
        if self._room is not None:
            room, self._room = self._room, None
            room.set()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Do what the conversation needs besides being sent."""
        conversation = self.conversation
        if self._out is not None or self._fd < 0:
            return
        job = conversation.job
        if job is not None:
            if self._has_task:
                self._slow_down()
            elif self._delivery is not None:
                self._deliver(self._delivery, job)
            elif job.response is not None and (body := job.file) is not None:
                self._begin_delivery(job, job.response, body)
            else:
                self._start_task()
        elif conversation.has_more:
            self._hub.call_next(self._on_turn)
            self._watch(0)
        elif conversation.closing:
            self._leave()
        else:
            self._watch(0 if conversation.ended else IN)
        self._service.stir()

    def _start_task(self) -> None:
        self._has_task = True
        self._workers.put(self)
        self._slow_down()

    def _begin_delivery(self, job: Job, response: Response, body: FileBody) -> None:
        """Send a file without a task, as long as it is in memory."""
        head = self.conversation.encode(job.match, response, job.number, job.request.id)
        self.conversation.await_client(job)
        self._delivery = Delivery(job, self._socket, head, body)
        self._service.in_flight += 1
        self._deliver(self._delivery, job)

    def _deliver(self, delivery: Delivery, job: Job) -> None:
        conversation = self.conversation
        try:
            need = delivery.go_on()
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
        job.close()
        assert job.response is not None
        conversation.finish(job, job.response.status, job.octets_out)
        if conversation.has_more:
            self._go_on()
        elif not conversation.rests():
            self._tell(conversation.advance)

    def _drop(self, job: Job) -> None:
        """Let go of what was kept for an exchange."""
        self.conversation.on_end()
        if self._delivery is not None:
            self._delivery = None
            self._service.in_flight -= 1
            assert job.response is not None
            self.conversation.break_off(job, job.response.status)

    def _slow_down(self) -> None:
        """Read no more than the task has use for, and no less."""
        conversation = self.conversation
        is_full = conversation.is_full
        self._watch(0 if conversation.ended or is_full else IN)
        if is_full and conversation.job is not None and conversation.job.content is not None:
            conversation.job.content.on_room = self._on_taken

    def _on_taken(self) -> None:
        if self._fd >= 0 and self._out is None and not self.conversation.ended:
            self._watch(IN)

    def _end_overdue(self) -> None:
        """Have the task end that has taken too long; where the client can't be told, end the connection."""
        job = self.conversation.job
        if job is None or not job.is_overdue or self._fd < 0:
            return
        if job.has_answered or self._scope is None or self._scope.cancel_called:
            self.abort()
        else:
            self._scope.cancel()

    def _on_turn(self) -> None:
        if self._fd >= 0 and self._out is None and self.conversation.has_more:
            self._tell(self.conversation.advance)

    def _leave(self) -> None:
        """End the connection so that the last answer arrives.

        A close while octets of the client are unread is seen as a reset, which would destroy it: so
        half-close, and read until the client has closed its side too (RFC 9112 §9.6). Many send the whole of a body
        before they read what became of it, so that is waited for as long as it comes.
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
        """Have whoever waits for this connection know that it has ended."""
        if self._room is not None:
            self._room.set()
        elif self._scope is not None:
            self._scope.cancel()
        elif self.conversation.job is not None:
            self._drop(self.conversation.job)
        else:
            self.conversation.on_end()
