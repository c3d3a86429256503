"""The answers of one connection: numbering, encoding, and the entry in the account."""

from __future__ import annotations

from hamms_trio.http.exchange.exchange import Exchange
from hamms_trio.http.routes.content import Content
from hamms_trio.http.routes.match import Match
from hamms_trio.http.routes.refusals import respond
from hamms_trio.http.routes.request import Request
from hamms_trio.http.routes.response import ErrorDocument, Response, prefers_json
from hamms_trio.http.serving.service import Service
from hamms_trio.net.accepted import GivenAnswer
from hamms_trio.net.observer import Observer
from hamms_trio.recording.recorder import Recorder, Watch


class Answers:
    """The answers of one connection; `Conversation` decides when each is due.

    Attributes:
        id: the connection's number, from 1.
        client: the client's address and port.
        count: the number of requests answered or begun.
        ended: True once an encoded answer ends the connection.
        watch: the connection's observer, if somebody subscribes to events.
    """

    __slots__ = ("_service", "client", "count", "ended", "id", "watch")

    def __init__(self, service: Service, client: tuple[str, int]) -> None:
        self._service = service
        service.accepted += 1
        self.id = service.accepted
        self.client = client
        self.count = 0
        self.ended = False
        self.watch: Watch | Recorder | None = None

    def answer(
        self,
        match: Match,
        octets_in: int,
        begun: float,
        content: bytes = b"",
        *,
        last: bool = False,
    ) -> bytes | Exchange:
        """Answer a complete request by a plain function; return an exchange if the body needs more turns."""
        service = self._service
        if begun >= service.next_second:
            service.refresh_date(begun)
        self.count = number = self.count + 1
        request_id = match.given_id or service.new_id()
        response = match.route.fixed
        if response is None:
            request = Request(match.head, match.parameters, request_id, self.client, content)
            response = respond(service, match.route, request)
        if service.text_errors:
            response = _for_people(match, response)
        last = last or number == service.most_requests or service.drains
        if response.plain and match.plain and not last:
            octets = b"".join((response.preamble, request_id, service.tail, response.content))
        elif response.is_ours and (isinstance(response.body, bytes) or match.head.method == "HEAD"):
            octets = self._encode(match, response, number, request_id, last=last)
        else:
            request = Request(match.head, match.parameters, request_id, self.client)
            return Exchange(match, request, response, None, octets_in, begun, number)
        status, octets_out, ended = response.status, len(octets), service.clock()
        service.account.note(
            (begun, ended, match, status, octets_in, octets_out, self, number, request_id)
        )
        return octets

    def refuse(self, match: Match, response: Response, octets_in: int) -> bytes:
        """Encode the last answer of the connection."""
        exchange = self._begin(match, None, octets_in, self._service.clock())
        octets = self.encode(exchange, response, last=True)
        exchange.octets_out = len(octets)
        self.note(exchange, response.status)
        return octets

    def begin(self, match: Match, content: Content | None, begun: float) -> Exchange:
        """Begin an exchange that needs a task."""
        return self._begin(match, content, len(match.head.octets), begun)

    def encode(self, exchange: Exchange, response: Response, *, last: bool) -> bytes:
        """Encode the head of an exchange's response, with the body if that is octets."""
        number, request_id = exchange.number, exchange.request.id
        return self._encode(exchange.match, response, number, request_id, last=last)

    def note(self, exchange: Exchange, status: int) -> None:
        """Enter an exchange that has ended, or will not be completed, into the account."""
        ended, octets_in, octets_out = (
            self._service.clock(),
            exchange.octets_in,
            exchange.octets_out,
        )
        match, number, request_id = exchange.match, exchange.number, exchange.request.id
        self._service.account.note(
            (exchange.begun, ended, match, status, octets_in, octets_out, self, number, request_id)
        )

    def note_of_another(self, exchange: Exchange, answered: GivenAnswer) -> None:
        """Enter an exchange that another owner of the connection has answered; 0 stands for no status."""
        exchange.octets_out = answered.octets
        self.note(exchange, answered.status or 0)
        if self.watch is not None:  # whose subscribers see the answer before the end
            self._service.account.settle()

    def watch_by(self, observer: Observer | None) -> None:
        """Publish the answers as those of this observer's connection."""
        if isinstance(observer, Watch | Recorder):
            self.watch = observer

    def lend_watch(self) -> Watch | Recorder | None:
        """Leave the end of the connection to another owner, and return the observer."""
        if isinstance(self.watch, Watch):
            self.watch.is_lent = True
        return self.watch

    def close_watch(self) -> None:
        """Publish the end of the connection, unless its failure mode's recorder does."""
        if isinstance(self.watch, Watch):
            self.watch.closed()

    def _begin(
        self, match: Match, content: Content | None, octets_in: int, begun: float
    ) -> Exchange:
        self.count = number = self.count + 1
        request_id = match.given_id or self._service.new_id()
        request = Request(match.head, match.parameters, request_id, self.client, b"", content)
        return Exchange(match, request, None, content, octets_in, begun, number)

    def _encode(
        self, match: Match, response: Response, number: int, request_id: bytes, *, last: bool
    ) -> bytes:
        last = last or number == self._service.most_requests or self._service.drains
        if self._service.text_errors:
            response = _for_people(match, response)
        octets, ends = self._service.encode(match.head, response, request_id, last=last)
        self.ended = self.ended or ends
        return octets


def _for_people(match: Match, response: Response) -> Response:
    """Return an error as text, unless the client prefers JSON."""
    if isinstance(response, ErrorDocument) and not prefers_json(match.head.get("accept")):
        return response.as_text
    return response
