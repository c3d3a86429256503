"""The answers of one connection, as octets: the half of a conversation that speaks."""

from __future__ import annotations

from hamms_trio.http.account import BATCH
from hamms_trio.http.job import Job
from hamms_trio.http.refusals import respond
from hamms_trio.http.request import Content, Request
from hamms_trio.http.response import Response
from hamms_trio.http.routing import Match
from hamms_trio.http.service import Service

FOREVER = float("inf")


class Answers:
    """What has been answered on one connection; `Conversation` says to what.

    Attributes:
        id: of the connection, counted from 1.
        client: address and port.
        number: of the last request.
        closing: whether the connection ends once what was returned last is sent.
        deadline: when `Conversation.on_deadline` is to be called.
        is_idle: whether nothing has come of a next request, and nothing is left to do.
        job: the exchange that a task has to finish, or None.
    """

    __slots__ = (
        "_content",
        "_service",
        "client",
        "closing",
        "deadline",
        "id",
        "is_idle",
        "job",
        "number",
    )

    def __init__(self, service: Service, client: tuple[str, int]) -> None:
        self._service = service
        service.accepted += 1
        self.id = service.accepted
        self.client = client
        self.number = 0
        self.closing = False
        self.is_idle = True
        self.deadline = service.clock() + service.limits.idle
        self.job: Job | None = None
        self._content: Content | None = None  # of the request whose body is coming

    def answer(
        self,
        match: Match,
        octets_in: int,
        begun: float,
        content: Content | None = None,
        *,
        last: bool = False,
    ) -> bytes:
        """Have a plain function answer a request that is complete."""
        service = self._service
        if begun >= service.next_second:
            service.tell_time(begun)
        self.number = number = self.number + 1
        request_id = match.given_id or service.new_id()
        response = match.route.fixed
        if response is None:
            octets = content.take() if content is not None else b""
            request = Request(match.head, match.parameters, request_id, self.client, octets)
            response = respond(service, match.route, request)
        most = service.most_requests
        if response.plain and match.plain and not last and (number < most or not most):
            tail = service.tails[most - number if most else 0]
            octets = b"".join((response.preamble, request_id, tail, response.content))
        elif isinstance(response.body, bytes) or match.head.method == "HEAD":
            octets = self.encode(match, response, number, request_id, last=last)
        else:
            self.is_idle = False
            request = Request(match.head, match.parameters, request_id, self.client)
            self.job = Job(match, request, response, content, begun, number)
            self.deadline = FOREVER
            return b""
        ended = service.clock()
        self.deadline = ended + service.idle_seconds
        entries = service.entries
        status, octets_out = response.status, len(octets)
        entries.append(
            (begun, ended, match, status, octets_in, octets_out, self, number, request_id, 1)
        )
        if len(entries) > BATCH:
            service.account.settle()
        return octets

    def end_with(self, match: Match, response: Response, octets_in: int) -> bytes:
        """The last answer."""
        service = self._service
        now = service.clock()
        self.number = number = self.number + 1
        request_id = match.given_id or service.new_id()
        octets = self.encode(match, response, number, request_id, last=True)
        octets_out = len(octets)
        service.account.note(
            (now, now, match, response.status, octets_in, octets_out, self, number, request_id, 1)
        )
        return octets

    def encode(
        self,
        match: Match,
        response: Response,
        number: int,
        request_id: bytes,
        *,
        last: bool = False,
    ) -> bytes:
        """The head of any response, with its body if that is octets and is sent; may begin the end."""
        if self._content is not None and self._content.is_unreadable:
            last = True
        service = self._service
        now = service.clock()
        if now >= service.next_second:
            service.tell_time(now)
        octets, ends = service.encode(match, response, number, request_id, last=last)
        if ends:
            self.closing = True
            self.is_idle = False
        return octets

    def start(self, match: Match, content: Content | None, begun: float) -> None:
        """Leave the exchange to a task."""
        self.number += 1
        request_id = match.given_id or self._service.new_id()
        request = Request(match.head, match.parameters, request_id, self.client, b"", content)
        self.job = Job(match, request, None, content, begun, self.number)
        if content is None:
            self.deadline = begun + self._service.limits.answer_seconds

    def finish(self, job: Job, status: int, octets_out: int) -> None:
        """The whole answer was sent; `Conversation.advance` comes next."""
        service = self._service
        now = service.clock()
        self.job = None
        self.deadline = now + service.limits.idle
        if job.content is not None:
            job.content.forget()
        if self._content is not None:  # the rest of it is read
            self.deadline = now + service.limits.content_seconds
        self._note(job, now, status, octets_out)

    def break_off(self, job: Job, status: int) -> None:
        """No more of the answer will be sent than was."""
        self._note(job, self._service.clock(), status, job.octets_out)

    def _note(self, job: Job, now: float, status: int, octets_out: int) -> None:
        number, request_id, octets_in = job.number, job.request.id, job.octets_in
        self._service.account.note(
            (job.begun, now, job.match, status, octets_in, octets_out, self, number, request_id, 1)
        )
