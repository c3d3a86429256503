"""One client's requests and our answers as octets, without sockets and without waiting.

A carrier of the octets (`serving.connection`) hands in the octets that have arrived and
sends the octets that are returned, all answers to one read in one piece. Afterwards the carrier checks whether the
conversation is ``closing``, ``has_more`` answers once those are sent, or has an ``exchange`` that needs a task. The
carrier also reports when the ``deadline`` has passed.

Answers stay in order, because there is one exchange at a time: later octets stay in the buffer, and in the kernel
once the buffer is full.
"""

from __future__ import annotations

import logging

from hamms_trio.errors import ContentTooLarge, MalformedRequest, RequestError, RequestTimeout
from hamms_trio.http.exchange.answers import Answers
from hamms_trio.http.exchange.exchange import Exchange
from hamms_trio.http.exchange.heads import Heads
from hamms_trio.http.limits.limits import CONTENT_AT_ONCE, EXCHANGES_IN_ONE_GO, HTTP_TURN_SECONDS
from hamms_trio.http.routes import refusals
from hamms_trio.http.routes.content import Content
from hamms_trio.http.routes.match import Match
from hamms_trio.http.routes.response import Response
from hamms_trio.http.serving.service import FOREVER, Service
from hamms_trio.wire import chunk, last_chunk
from hamms_trio.wire.http1.build import CONTINUE

logger = logging.getLogger(__name__)


class Conversation:
    """The state of one connection, and the octets to send next.

    Attributes:
        answers: the answers so far.
        closing: True if the connection ends once the last octets returned are sent.
        deadline: the time for the call of `on_deadline`.
        ended: True if the client has closed its side.
        exchange: the exchange that a task has to finish, or None.
        has_more: True if `advance` has more to answer once the earlier octets are sent.
        is_idle: True if no octet of a next request has come, and nothing is left to do.
    """

    __slots__ = (
        "_buffer", "_content", "_heads", "_match", "_service", "answers", "closing", "deadline",
        "ended", "exchange", "has_more", "is_idle",
    )  # fmt: skip

    def __init__(self, service: Service, client: tuple[str, int]) -> None:
        self._service = service
        self.answers = Answers(service, client)
        self.closing = False
        self.ended = False
        self.has_more = False
        self.is_idle = True
        self.deadline = service.clock() + service.limits.idle
        self.exchange: Exchange | None = None
        self._buffer = b""
        self._heads = Heads(service)
        self._content: Content | None = None  # of the request whose body is being received
        self._match: Match | None = None  # of that body, unless it is dropped or a task reads it

    # Events that the carrier reports

    def receive(self, data: bytes) -> bytes:
        """Answer the octets that have arrived, as far as possible; drop octets after the last answer."""
        if self.is_idle:
            answer = self._answer_whole(data) if len(data) <= self._service.limits.head else None
            if answer is not None:
                return answer
        elif self.closing:
            return b""
        self.is_idle = False
        self._buffer = self._buffer + data if self._buffer else data
        return self.advance()

    def _answer_whole(self, octets: bytes) -> bytes | None:
        """Answer a read of exactly one head, the usual case; return None for others."""
        try:
            match = self._service.matcher.find(octets)
            if match is None:
                return None
            answer = self._begin(match)
        except RequestError as problem:
            self._buffer = octets
            answer = self._refuse(problem)
        self.is_idle = self.exchange is None and self._content is None and not self.closing
        return answer

    def advance(self) -> bytes:
        """Answer octets that arrived earlier and are still buffered."""
        answers: list[bytes] = []
        octets = exchanges = 0
        service = self._service
        turn_ends = service.clock() + HTTP_TURN_SECONDS
        self.has_more = False
        try:
            while not self.closing:
                if self.exchange is None and (
                    octets >= service.limits.waiting_output
                    or exchanges >= EXCHANGES_IN_ONE_GO
                    or (exchanges and service.clock() >= turn_ends)
                ):
                    self.has_more = bool(self._buffer)
                    break
                if self._content is not None:
                    answer = self._read_content(self._content)
                elif self.exchange is None and self._buffer:
                    answer = self._read_head()
                    exchanges += 1
                else:
                    break
                if answer is None:
                    break
                answers.append(answer)
                octets += len(answer)
        except RequestError as problem:
            answers.append(self._refuse(problem))
        if self.ended and not self.has_more and self.exchange is None and not self.closing:
            if self._match is not None or self._heads.is_reading or self._buffer.strip(b"\r"):
                cut_short = MalformedRequest("the request ended before it was complete")
                answers.append(self._refuse(cut_short))
            else:
                self.end()
        self.is_idle = not (
            self._buffer or self._heads.is_reading or self._content or self.exchange or self.closing
        )
        return answers[0] if len(answers) == 1 else b"".join(answers)

    def end_of_input(self) -> bytes:
        """Note that the client has closed its side, and answer the requests that are complete."""
        self.ended = True
        if self.exchange is not None:
            if self._content is not None:
                self._content.fail(MalformedRequest("the request ended in the middle of its body"))
            self._set_deadline(self.exchange)
        return self.advance()

    def extend_deadline(self, seconds: float) -> None:
        """Extend the deadline by the time that the client needed for reading."""
        self.deadline += seconds

    def on_deadline(self) -> bytes:
        """End a wait for a slow or silent client, or for a slow route (see `Exchange.is_overdue`)."""
        self.deadline, self.is_idle = FOREVER, False
        if self.exchange is not None:
            if self._content is not None and not self._content.has_failed:
                self._content.fail(RequestTimeout("the body did not arrive in time"))
            elif not self.exchange.is_overdue:
                self.exchange.is_overdue = True
                self._service.account.errors["dispatch"] += 1
                logger.warning("%s: no answer in time", self.exchange.match.route.key)
            self._set_deadline(self.exchange)
            return b""
        if self._heads.is_reading or self._match is not None:
            problem = self._content.problem if self._content is not None else None
            return self._refuse(problem or RequestTimeout("the request did not arrive in time"))
        return self.end()

    def on_end(self) -> None:
        """Drop all state after the end of the connection and of the exchange's task."""
        self._buffer = b""
        if self._content is not None:
            self._content.drop()
        if self.exchange is not None:
            self.exchange.close()
            if self.exchange.content is not None:
                self.exchange.content.invite = None  # refers to the connection: a cycle

    def end(self) -> bytes:
        """Close the conversation; every accepted request is answered."""
        self.closing, self.is_idle = True, False
        return b""

    def give_away(self, exchange: Exchange, content: bytes | None) -> bytes:
        """Say no more, since another owner answers; return the octets of the request and of those that follow it.

        Args:
            content: of the request; None if it was not read.
        """
        head = exchange.match.head
        if content is None:
            content = b""
        elif head.chunked:  # whose own chunks are decoded already
            content = (chunk(content) if content else b"") + last_chunk()
        self.exchange = None
        rest, self._buffer = self._buffer, b""
        self.end()
        return head.octets + content + rest

    def turn_away(self) -> bytes:
        """Answer 503, because there are too many connections, and close."""
        self.end()
        return self.answers.refuse(refusals.turned_away(), refusals.FULL, 0)

    @property
    def is_full(self) -> bool:
        """True if the carrier should stop reading, because the buffers are full."""
        waiting = len(self._buffer)
        if self.exchange is not None and self.exchange.content is not None:
            waiting += self.exchange.content.waiting
        return waiting >= self._service.limits.waiting_input

    @property
    def is_busy(self) -> bool:
        """True if a request was accepted and its answer is not complete."""
        return self.exchange is not None or self._match is not None or self.has_more

    # Steps of an exchange that a task or a delivery reports

    def encode(self, exchange: Exchange, response: Response) -> bytes:
        """Encode the head of an exchange's response; the connection may end with it."""
        last = self._content is not None and self._content.is_unreadable
        octets = self.answers.encode(exchange, response, last=last)
        if self.answers.ended:
            self.end()
        return octets

    def await_route(self, exchange: Exchange) -> None:
        """Note that the exchange waits for its route."""
        exchange.is_sending = False
        self._set_deadline(exchange)

    def await_client(self, exchange: Exchange) -> None:
        """Note that the exchange waits for the client; the carrier limits that time."""
        exchange.is_sending = exchange.has_answered = True
        self._set_deadline(exchange)

    def finish(self, exchange: Exchange, status: int) -> None:
        """Note that the whole answer was sent; call `advance` next."""
        limits = self._service.limits
        self.exchange = None
        seconds = limits.idle if self._content is None else limits.content_seconds
        self.deadline = self._service.clock() + seconds
        if exchange.content is not None:
            exchange.content.drop()
        self.answers.note(exchange, status)
        self.has_more = bool(self._buffer)

    def is_finished(self) -> bool:
        """Return True if nothing is left to send after `finish`; if not, call `advance`."""
        if self._buffer or self._content is not None or self.closing or self.ended:
            return False
        self.is_idle = True
        return True

    def abandon_overdue(self) -> bytes:
        """Answer 503 for an overdue exchange whose task ended without an answer, then advance."""
        exchange = self.exchange
        if exchange is None:
            return b""
        octets = self.encode(exchange, refusals.OVERDUE)
        exchange.octets_out = len(octets)
        self.finish(exchange, refusals.OVERDUE.status)
        return octets + self.advance()

    def _set_deadline(self, exchange: Exchange) -> None:
        """Limit the wait of a task, unless it waits for the request's body.

        Within a response, a route may be silent without limit, unless the client has closed its side: only the next
        octet sent shows whether that client has closed both sides.
        """
        if self._content is not None and not self._content.has_failed:
            return
        if exchange.is_sending or (exchange.has_answered and not self.ended):
            self.deadline = FOREVER
        else:
            self.deadline = self._service.clock() + self._service.limits.answer_seconds

    # Reading

    def _read_head(self) -> bytes | None:
        """Begin the next exchange if its head is complete."""
        heads, service = self._heads, self._service
        had_begun = heads.is_reading
        match, self._buffer = heads.next(self._buffer)
        if match is not None:
            return self._begin(match)
        if heads.is_reading and not had_begun:
            self.deadline = service.clock() + service.limits.head_seconds
        return None

    def _begin(self, match: Match) -> bytes:
        """Answer a head, or prepare to read its content."""
        service = self._service
        begun = service.clock()
        head, route = match.head, match.route
        if route.gives_away or not (head.content_length or head.chunked):
            if route.waits:
                self.exchange = self.answers.begin(match, None, begun)
                self.deadline = begun + service.limits.answer_seconds
                return b""
            return self._answer(match, len(head.octets), begun)
        limits = service.limits
        limit = limits.content if route.max_content is None else route.max_content
        too_long = head.content_length > limit
        if route.refuses:
            # The connection ends after a body that is too long to read, or that may never come.
            last = too_long or head.expects_continue
            answer = self._answer(match, len(head.octets), begun, last=last)
            self._content = Content(head, limit)
            self.deadline = begun + limits.content_seconds
            return answer
        self._match = match
        if too_long:
            raise ContentTooLarge(f"the content exceeds {limit} octets")
        length = head.content_length
        if not route.waits and 0 < length <= len(self._buffer):
            self._match = None  # the content arrived with its head
            octets, self._buffer = self._buffer[:length], self._buffer[length:]
            return self._answer(match, len(head.octets) + length, begun, octets)
        self.deadline = begun + limits.content_seconds
        window = limits.waiting_input + CONTENT_AT_ONCE if route.waits else None
        content = Content(head, limit, service.body_budget, window=window, begun=begun)
        content.reserve_room()
        self._content = content
        if route.waits:
            self._match = None
            self.exchange = self.answers.begin(match, content, begun)
            return b""
        is_awaited = head.expects_continue and service.invites and not self._buffer
        return CONTINUE if is_awaited else b""

    def _read_content(self, content: Content) -> bytes | None:
        """Read the body's octets from the buffer, and answer once it is complete."""
        if self._match is not None and content.problem is not None:
            raise content.problem
        if self._buffer:
            data, self._buffer = self._buffer, b""
            try:
                self._buffer = content.feed(data)
            except RequestError as problem:
                if self._match is not None:
                    raise
                if self.exchange is None:  # answered already
                    self.closing = True
                elif not content.has_failed:
                    content.fail(problem)
                    self._set_deadline(self.exchange)
                return None
        if self.exchange is not None:
            if content.complete:
                self._content = None
                self._set_deadline(self.exchange)
            return None
        if not content.complete:
            return None
        match = self._match
        self._content = self._match = None
        begun = self._service.clock()
        if match is None:
            self.deadline = begun + self._service.limits.idle
            return b""
        octets_in = len(match.head.octets) + content.octets
        try:
            return self._answer(match, octets_in, begun, content.take())
        finally:
            content.drop()

    def _answer(
        self,
        match: Match,
        octets_in: int,
        begun: float,
        content: bytes = b"",
        *,
        last: bool = False,
    ) -> bytes:
        """Answer a complete request by a plain function."""
        answer = self.answers.answer(match, octets_in, begun, content, last=last)
        if isinstance(answer, bytes):
            self.deadline = begun + self._service.limits.idle
            if self.answers.ended:
                self.end()
            return answer
        self.exchange = answer
        self.deadline = FOREVER
        return b""

    def _refuse(self, problem: RequestError) -> bytes:
        """Answer a request that is malformed or rejected before its route, and close."""
        self._service.account.errors["read" if problem.status in (408, 503) else "parse"] += 1
        match, content = self._match, self._content
        if match is not None:
            octets_in = len(match.head.octets)
            if content is not None:
                octets_in += content.octets
                content.drop()
            match = refusals.refused(match, problem)
        else:
            octets = self._heads.take() or self._buffer
            end = octets.find(b"\r\n\r\n")
            octets_in = end + 4 if end >= 0 else len(octets)
            match = refusals.unreadable(octets[:octets_in], problem)
        self._content = self._match = None
        self._buffer = b""
        self.end()
        return self.answers.refuse(match, refusals.refusal(problem), octets_in)
