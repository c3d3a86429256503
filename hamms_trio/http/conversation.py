"""One client's requests and our answers, as octets: no sockets here, and no waiting.

Whoever carries the octets (`connection.py`, `portable.py`) hands in what has arrived and sends what it is
given in return, all answers to one read in one piece. It looks afterwards whether the conversation is
``closing``, ``has_more`` to say once that was sent, or has a ``job`` that needs a task; and tells when the
``deadline`` has passed.

Nothing is answered out of order, because there is one exchange at a time: what follows it stays in the
buffer, and what doesn't fit there in the kernel.
"""

from __future__ import annotations

import logging

from hamms_trio.errors import ContentTooLarge, MalformedRequest, RequestError, RequestTimeout
from hamms_trio.http.answers import FOREVER, Answers
from hamms_trio.http.job import Job
from hamms_trio.http.pipelining import EXCHANGES_IN_ONE_GO, TURN_SECONDS, answer_known
from hamms_trio.http.refusals import FULL, OVERDUE, refusal, refused, turned_away, unreadable
from hamms_trio.http.request import Content
from hamms_trio.http.routing import Match
from hamms_trio.http.service import Service
from hamms_trio.wire import RequestReader

logger = logging.getLogger(__name__)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODY_OCTETS = 64 * 1024  # that a carrier hands in at once, at most

_LINE_ROOM = len("OPTIONS  HTTP/1.1")  # what a request line has besides its target


class Conversation(Answers):
    """What has been said on one connection, and what to say next.

    Attributes:
        ended: whether the client has closed its side.
        has_more: whether `advance` would answer more, now that the rest was sent.
    """

    __slots__ = ("_buffer", "_match", "_reader", "ended", "has_more")

    def __init__(self, service: Service, client: tuple[str, int]) -> None:
        super().__init__(service, client)
        self.ended = False
        self.has_more = False
        self._buffer = b""
        self._reader: RequestReader | None = None  # of a head that has come in part
        self._match: Match | None = None  # of the body that comes; None if that is to be forgotten

    # What the carrier tells

    def receive(self, data: bytes) -> bytes:
        """Answer what has arrived, as far as possible; what comes after the last answer is dropped."""
        if self.is_idle:
            service = self._service
            matcher = service.matcher
            match = matcher.latest if data == matcher.latest.octets else matcher.recognize(data)
            if match is not None and match.plain:
                return self.answer(match, len(data), service.clock())
            if 0 < data.find(b"\r\n\r\n") == len(data) - 4 <= service.limits.head - 4:
                return self._take_up(data)
            self.is_idle = False
            self._buffer = data
        elif self.closing:
            return b""
        else:
            self._buffer = self._buffer + data if self._buffer else data
        return self.advance()

    def _take_up(self, octets: bytes) -> bytes:
        """Answer a read that is one whole head, as most are."""
        try:
            match = self._service.matcher.find(octets)
            if match.plain:
                return self.answer(match, len(octets), self._service.clock())
            self.is_idle = False
            answer = self._begin(match)
        except RequestError as problem:
            self._buffer = octets
            return self._refuse(problem)
        return answer if self.job is not None and self._content is None else answer + self.advance()

    def advance(self) -> bytes:
        """Answer what has arrived earlier and could not be dealt with then."""
        answers: list[bytes] = []
        octets = exchanges = 0
        service = self._service
        turn_ends = service.clock() + TURN_SECONDS
        self.has_more = False
        try:
            if not (self._reader or self._content or self.job or self.closing):
                self._buffer, octets = answer_known(service, self, self._buffer, answers, turn_ends)
                exchanges = len(answers)
            while not self.closing:
                if self.job is None and (
                    octets >= service.limits.waiting_output
                    or exchanges >= EXCHANGES_IN_ONE_GO
                    or (exchanges and service.clock() >= turn_ends)
                ):
                    self.has_more = bool(self._buffer)
                    break
                if self._content is not None:
                    answer = self._read_content(self._content)
                elif self.job is None and self._buffer:
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
        if self.ended and not self.has_more and self.job is None and not self.closing:
            answers.append(self._cut_short())
        self.is_idle = not (
            self._buffer or self._reader or self._content or self.job or self.closing
        )
        return answers[0] if len(answers) == 1 else b"".join(answers)

    def end_of_input(self) -> bytes:
        """The client has closed its side: answer what is complete."""
        self.ended = True
        if self.job is not None:
            if self._content is not None:
                self._content.fail(MalformedRequest("the request ended in the middle of its body"))
            self._await_job(self.job)
        return self.advance()

    def put_off(self, seconds: float) -> None:
        """Give it more time, since it was not heard for so long: it had to read first."""
        self.deadline += seconds

    def await_route(self, job: Job) -> None:
        """From now on it is the route that keeps the client waiting."""
        job.is_sending = False
        self._await_job(job)

    def await_client(self, job: Job) -> None:
        """From now on it is the client that keeps the route waiting, which the carrier minds."""
        job.is_sending = job.has_answered = True
        self._await_job(job)

    def _await_job(self, job: Job) -> None:
        """Say how long what the task waits for may take, unless that is the request's body.

        In the middle of a response a route may be silent for as long as it likes; but to a client that has
        closed its side, since until something is sent nobody can tell whether that has closed both.
        """
        if self._content is not None and not self._content.has_failed:
            return
        if job.is_sending or (job.has_answered and not self.ended):
            self.deadline = FOREVER
        else:
            self.deadline = self._service.clock() + self._service.limits.answer_seconds

    def on_deadline(self) -> bytes:
        """The client has been too slow, or silent for too long; or else its route has (see `Job.is_overdue`)."""
        self.deadline = FOREVER
        self.is_idle = False
        if self.job is not None:
            if self._content is not None and not self._content.has_failed:
                self._content.fail(RequestTimeout("the body did not come in time"))
            else:
                self._lose_patience(self.job)
            self._await_job(self.job)
            return b""
        if self._reader is not None or self._match is not None:
            problem = self._content.problem if self._content is not None else None
            return self._refuse(problem or RequestTimeout("the request did not come in time"))
        return self.end()

    def finish(self, job: Job, status: int, octets_out: int) -> None:
        super().finish(job, status, octets_out)
        self.has_more = bool(self._buffer)

    def rests(self) -> bool:
        """Whether all is said that there was to say, after `finish`; if not, `advance` says what comes next."""
        if self._buffer or self._content is not None or self.closing or self.ended:
            return False
        self.is_idle = True
        return True

    def give_up(self) -> bytes:
        """The task of an exchange that is overdue has ended without an answer: say so, and go on."""
        job = self.job
        if job is None:
            return b""
        octets = self.encode(job.match, OVERDUE, job.number, job.request.id)
        self.finish(job, OVERDUE.status, len(octets))
        return octets + self.advance()

    def on_end(self) -> None:
        """The connection has ended, and the task of its exchange too: nothing is kept any more."""
        self._buffer = b""
        if self._content is not None:
            self._content.forget()
        if self.job is not None:
            self.job.close()
            if self.job.content is not None:
                self.job.content.invite = None  # it knows the connection, which would be a cycle

    def end(self) -> bytes:
        """Say no more, since all that was accepted is answered."""
        self.closing = True
        self.is_idle = False
        return b""

    def turn_away(self) -> bytes:
        """Say that there are too many connections, and nothing else."""
        return self.end_with(turned_away(), FULL, 0)

    def _lose_patience(self, job: Job) -> None:
        if not job.is_overdue:
            job.is_overdue = True
            self._service.account.errors["dispatch"] += 1
            logger.warning("%s: no answer in time", job.match.route.key)

    @property
    def is_full(self) -> bool:
        """Whether no more should be read, because what has come waits for its turn."""
        waiting = len(self._buffer)
        if self.job is not None and self.job.content is not None:
            waiting += self.job.content.waiting
        return waiting >= self._service.limits.waiting_input

    @property
    def is_busy(self) -> bool:
        """Whether a request was accepted and its answer is not complete."""
        return self.job is not None or self._match is not None or self.has_more

    # Reading

    def _read_head(self) -> bytes | None:
        """Begin the next exchange, if its head has come."""
        buffer = self._buffer
        service = self._service
        if self._reader is None:
            end = buffer.find(b"\r\n\r\n")
            if 0 <= end <= service.limits.head - 4:
                match = service.matcher.find(buffer[: end + 4])
                self._buffer = buffer[end + 4 :]
                return self._begin(match)
            if buffer[0] in b"\r\n":
                raise MalformedRequest("an empty line before the request line")
            limits = service.limits
            self._reader = RequestReader(limits.head, limits.target + _LINE_ROOM)
            self.deadline = service.clock() + limits.head_seconds
        self._reader.feed(buffer)
        self._buffer = b""
        head = self._reader.next_head()
        if head is None:
            return None
        self._buffer = head.octets + self._reader.take()
        self._reader = None
        match = service.matcher.match(head)
        self._buffer = self._buffer[len(head.octets) :]
        return self._begin(match)

    def _begin(self, match: Match) -> bytes:
        """Answer a head, or do what has to be done before."""
        begun = self._service.clock()
        head, route = match.head, match.route
        if not head.has_body:
            if route.waits:
                self.start(match, None, begun)
                return b""
            return self.answer(match, len(match.octets), begun)
        service = self._service
        limits = service.limits
        limit = limits.content if route.max_content is None else route.max_content
        too_long = head.content_length > limit
        if route.refuses:
            # A body that won't be read to its end, or may not come at all, is the last thing read.
            last = too_long or head.expects_continue
            answer = self.answer(match, len(match.octets), begun, last=last)
            self._content = Content(head, limit)
            self.deadline = begun + limits.content_seconds
            return answer
        self._match = match
        if too_long:
            raise ContentTooLarge(f"the content exceeds {limit} octets")
        self.deadline = begun + limits.content_seconds
        window = limits.waiting_input + BODY_OCTETS if route.waits else None
        content = Content(head, limit, service.intake, window=window, begun=begun)
        content.ask_for_room()
        self._content = content
        if route.waits:
            self._match = None
            self.start(match, content, begun)
            return b""
        return CONTINUE if head.expects_continue and not self._buffer else b""

    def _read_content(self, content: Content) -> bytes | None:
        """Take what has come of the body; its end may be what an answer waits for."""
        if self._match is not None and content.problem is not None:
            raise content.problem
        if self._buffer:
            data, self._buffer = self._buffer, b""
            try:
                self._buffer = content.feed(data)
            except RequestError as problem:
                if self._match is not None:
                    raise
                if self.job is None:  # answered already
                    self.closing = True
                elif not content.has_failed:
                    content.fail(problem)
                    self._await_job(self.job)
                return None
        if self.job is not None:
            if content.complete:
                self._content = None
                self._await_job(self.job)
            return None
        if not content.complete:
            return None
        match = self._match
        self._content = self._match = None
        begun = self._service.clock()
        if match is None:
            self.deadline = begun + self._service.limits.idle
            return b""
        octets_in = len(match.octets) + content.octets
        try:
            return self.answer(match, octets_in, begun, content)
        finally:
            content.forget()

    def _cut_short(self) -> bytes:
        """The client has closed its side, and what it said until then was answered."""
        if self._match is not None or self._reader is not None or self._buffer:
            return self._refuse(MalformedRequest("the request ended before it was complete"))
        return self.end()

    def _refuse(self, problem: RequestError) -> bytes:
        """The last answer, to what could not be read as a request, or was not let through to its route."""
        self._service.account.errors["read" if problem.status in (408, 503) else "parse"] += 1
        match, content = self._match, self._content
        if match is not None:
            octets_in = len(match.octets)
            if content is not None:
                octets_in += content.octets
                content.forget()
            match = refused(match, problem)
        else:
            octets = self._buffer if self._reader is None else self._reader.take()
            end = octets.find(b"\r\n\r\n")
            octets_in = end + 4 if end >= 0 else len(octets)
            match = unreadable(octets[:octets_in], problem)
        self._content = self._match = self._reader = None
        self._buffer = b""
        return self.end_with(match, refusal(problem), octets_in)
