"""Connections that the engine gives to a failure mode in the middle of a conversation, and takes back."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from hamms_trio.app import Hamms
from hamms_trio.certificates import ServerCertificate
from hamms_trio.http import GivenAway, Request, Response, Router, text
from tests.http.conversations import LAST, Answer, read_answers
from tests.http.server import Serving, serving, wait_until
from tests.lab.servers import HostModes, open_sockets

ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def routes(hamms: Hamms) -> Router:
    """Return a healthy route, and routes that failure modes answer."""
    router = Router()
    router.fixed("GET", "/", text("Hello World"))
    fail = hamms.adopter("status", status=503)
    cut_off = hamms.adopter("frame-cl-short-fin")

    @router.get("/fails")
    def fails(_request: Request) -> Response:
        return GivenAway(fail)

    @router.post("/fails")
    def fails_with_content(request: Request) -> Response:
        return GivenAway(fail, request.content)

    @router.post("/fails/in/a/task")
    async def fails_in_a_task(request: Request) -> Response:
        return GivenAway(fail, await request.read())

    @router.post("/unread")
    async def unread(_request: Request) -> Response:
        return GivenAway(fail)

    @router.get("/cut-off")
    def is_cut_off(_request: Request) -> Response:
        return GivenAway(cut_off)

    return router


@pytest.fixture(params=["plain", "tls"])
def shown(
    request: pytest.FixtureRequest, certificate: ServerCertificate
) -> ServerCertificate | None:
    """The certificate of the server, or None for one without TLS."""
    return certificate if request.param == "tls" else None


class Client:
    """A client that is answered octets, over TLS or not."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def ask(self, octets: bytes) -> list[Answer]:
        """All answers until the server closes the connection."""
        return read_answers(await self.ask_raw(octets))

    async def ask_raw(self, octets: bytes) -> bytes:
        await self._stream.send_all(octets)
        return b"".join([bytes(piece) async for piece in self._stream])


@asynccontextmanager
async def connected(
    server: Serving, shown: ServerCertificate | None, trusting: ssl.SSLContext
) -> AsyncIterator[Client]:
    stream: trio.abc.Stream = await server.connect()
    if shown is not None:
        assert isinstance(stream, trio.SocketStream)
        stream = trio.SSLStream(
            stream, trusting, server_hostname="localhost", https_compatible=True
        )
    async with stream:
        yield Client(stream)


async def test_a_failure_mode_answers_one_request_among_healthy_ones(
    hosting: HostModes, hub_kind: str, shown: ServerCertificate | None, trusting: ssl.SSLContext
) -> None:
    fails = ASK.replace(b"GET /", b"GET /fails")
    async with hosting() as hamms:
        async with serving(routes(hamms), hub=hub_kind, certificate=shown) as server:
            async with connected(server, shown, trusting) as client:
                answers = await client.ask(ASK + fails * 3 + ASK + fails + LAST)
            assert [answer.status for answer in answers] == [200, 503, 503, 503, 200, 503, 200]
            await hamms.ledger.wait_until(lambda ledger: not ledger.open_connections())
            assert len(hamms.ledger.connections("status")) == 1
            assert len(hamms.ledger.requests("status")) == 4
            await wait_until(lambda: not server.service.connections)


@pytest.mark.parametrize("path", ["/fails", "/fails/in/a/task"])
@pytest.mark.parametrize(
    "framed",
    [
        b"Content-Length: 3\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["length", "chunked", "empty"],
)
async def test_a_failure_mode_receives_the_content_of_the_request(
    hosting: HostModes,
    hub_kind: str,
    shown: ServerCertificate | None,
    trusting: ssl.SSLContext,
    path: str,
    framed: bytes,
) -> None:
    post = f"POST {path} HTTP/1.1\r\nHost: a\r\n".encode() + framed
    async with hosting() as hamms:
        async with serving(routes(hamms), hub=hub_kind, certificate=shown) as server:
            async with connected(server, shown, trusting) as client:
                answers = await client.ask(post + LAST)
            assert [answer.status for answer in answers] == [503, 200]
            (request,) = hamms.ledger.requests("status")
            assert request.body == (b"" if b"\r\n\r\n0" in framed else b"abc")


async def test_a_connection_that_a_failure_mode_ends_does_not_come_back(
    hosting: HostModes, hub_kind: str, shown: ServerCertificate | None, trusting: ssl.SSLContext
) -> None:
    before = open_sockets()
    async with hosting() as hamms:
        async with serving(routes(hamms), hub=hub_kind, certificate=shown) as server:
            async with connected(server, shown, trusting) as client:
                octets = await client.ask_raw(ASK.replace(b"GET /", b"GET /cut-off"))
            assert octets.startswith(b"HTTP/1.1 200 ")
            await hamms.ledger.wait_until(lambda ledger: not ledger.open_connections())
            assert server.service.connections == 0
    assert not open_sockets() - before


async def test_unread_content_does_not_reach_the_next_owner(
    hosting: HostModes, caplog: pytest.LogCaptureFixture
) -> None:
    post = b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    with caplog.at_level(logging.ERROR):
        async with hosting() as hamms, serving(routes(hamms)) as server:
            answers = read_answers(await server.ask(post + LAST))
    assert [answer.status for answer in answers] == [500, 200]
    assert "without the request's whole content" in caplog.text


async def test_a_connection_that_nobody_takes_is_closed(
    hub_kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router()

    def refuse(_given: object) -> None:
        raise ZeroDivisionError

    router.fixed("GET", "/", GivenAway(refuse))
    before = open_sockets()
    with caplog.at_level(logging.CRITICAL):
        async with serving(router, hub=hub_kind) as server:
            assert await server.ask(ASK) == b""
            assert server.service.connections == 0
    assert not open_sockets() - before


async def test_a_connection_that_comes_back_too_late_is_closed(hosting: HostModes) -> None:
    async with hosting() as hamms:
        router = Router()
        hang = hamms.adopter("pace-first-byte", delay=1)
        router.fixed("GET", "/", GivenAway(hang))
        async with serving(router) as server:
            client = await server.connect()
            await client.send_all(ASK)
            await hamms.ledger.wait_until(lambda ledger: bool(ledger.open_connections()))
        async with client:
            octets = b"".join([bytes(piece) async for piece in client])
        assert octets.startswith(b"HTTP/1.1 200 ")
