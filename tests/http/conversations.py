"""Conversations without sockets: octets in, responses out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import h11

from hamms_trio.http import Request, Response, Router, ServerLimits, Service, text
from hamms_trio.http.accounting.metrics import add_metrics
from hamms_trio.http.exchange.conversation import Conversation
from hamms_trio.http.resources.basics import add_basics

CLIENT = ("192.0.2.1", 40000)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def get(path: str, *fields: str, method: str = "GET", content: bytes = b"") -> bytes:
    """Return the octets of a request."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: a", *fields, "", "")).encode() + content


def post(path: str, *fields: str, content: bytes = b"") -> bytes:
    """Return the octets of a POST."""
    return get(path, *fields, method="POST", content=content)


class Answer(NamedTuple):
    """One response, as h11 reads it."""

    status: int
    fields: dict[str, str]
    body: bytes


def make_service(limits: ServerLimits | None = None) -> Service:
    """Make a service with the basic routes and one route per kind of answer."""
    router = Router()
    service = Service(router, limits=limits, clock=lambda: 0.0, wall_clock=lambda: 1e9)
    add_basics(router)
    add_metrics(router, service)

    @router.route("PUT", "/echo/{name}")
    def echo(request: Request) -> Response:
        fields = (("X-Name", request.parameters["name"]), ("X-Query", request.query_string))
        return Response(200, request.content, fields)

    @router.get("/big/{octets}")
    def big(request: Request) -> Response:
        return Response(200, b"x" * int(request.parameters["octets"]))

    @router.get("/status/{status}")
    def status(request: Request) -> Response:
        return text("a body", int(request.parameters["status"]))

    @router.get("/bug")
    def bug(_request: Request) -> Response:
        raise ZeroDivisionError

    return service


def talk(pieces: Iterable[bytes], *, service: Service | None = None) -> tuple[bytes, Conversation]:
    """All that is answered to ``pieces``, as a carrier would send it, and the conversation after them."""
    conversation = Conversation(service or make_service(), CLIENT)
    answered = []
    for piece in pieces:
        answered.append(conversation.receive(piece))
        while conversation.has_more:
            answered.append(conversation.advance())
    return b"".join(answered), conversation


def read_answers(octets: bytes, methods: Iterable[str] = ()) -> list[Answer]:
    """Parse the complete responses in ``octets``; ``methods`` are the requests' methods, GET by default."""
    answers = []
    asked = iter(methods)
    while octets:
        answer, octets = _read_answer(octets, next(asked, "GET"))
        answers.append(answer)
    return answers


def _read_answer(octets: bytes, method: str) -> tuple[Answer, bytes]:
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(octets)
    status, fields, body = 0, {}, b""
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        assert event not in (h11.NEED_DATA, h11.PAUSED), octets
        if isinstance(event, h11.Response):
            status = event.status_code
            fields = {n.decode(): v.decode() for n, v in event.headers}
        elif isinstance(event, h11.Data):
            body += event.data
    return Answer(status, fields, body), client.trailing_data[0]


def statuses(octets: bytes) -> list[int]:
    return [answer.status for answer in read_answers(octets)]


def without_ids(octets: bytes) -> bytes:
    """Responses with what differs from run to run left out."""
    return re.sub(rb"(X-Request-ID: |\"request_id\": \")[0-9a-f]+", rb"\1", octets)
