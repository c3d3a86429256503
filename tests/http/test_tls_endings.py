"""Ends of TLS connections: close_notify, truncation, drains and deadlines."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.files import FileTree, Root
from hamms_trio.http import Request, Response, Router, ServerLimits
from hamms_trio.http.resources.basics import add_basics
from hamms_trio.http.resources.files import add_static
from tests.http.conversations import GET, get, post, read_answers
from tests.http.server import Serve, Serving, serving, wait_until

BIG = 20_000_000  # octets, more than any buffer on the way holds

Stream = trio.SSLStream[trio.SocketStream]


@pytest.fixture
def goes_on() -> trio.Event:
    return trio.Event()


@pytest.fixture
def router(goes_on: trio.Event, tmp_path: Path) -> Router:
    router = Router()
    add_basics(router)
    (tmp_path / "big").write_bytes(b"x" * BIG)
    add_static(router, FileTree(root=Root(tmp_path), prefix="/static/"))

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first "
        await goes_on.wait()
        yield b"second"

    async def breaking() -> AsyncIterator[bytes]:
        yield b"some"
        raise ZeroDivisionError

    @router.get("/pieces")
    def stream(_request: Request) -> Response:
        return Response(200, pieces())

    @router.get("/breaking")
    def broken(_request: Request) -> Response:
        return Response(200, breaking())

    return router


@pytest.fixture
def serve(router: Router, hub_kind: str, certificate: ServerCertificate) -> Serve:
    return partial(serving, router, hub=hub_kind, certificate=certificate)


@asynccontextmanager
async def secured(server: Serving, trusting: ssl.SSLContext, **how: Any) -> AsyncIterator[Stream]:
    """Connect; a read raises if the connection ends without close_notify. Then drop the connection."""
    plain = await server.connect()
    stream = trio.SSLStream(plain, trusting, server_hostname="localhost", **how)
    await stream.do_handshake()
    yield stream
    await trio.aclose_forcefully(stream)


async def read_all(stream: Stream) -> bytes:
    return b"".join([bytes(octets) async for octets in stream])


async def test_a_drain_waits_for_a_stream(
    serve: Serve, trusting: ssl.SSLContext, goes_on: trio.Event
) -> None:
    async with serve() as server, secured(server, trusting) as stream:
        await stream.send_all(get("/pieces"))
        answered = bytes(await stream.receive_some())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.server.drain, 10.0)
            await wait_until(lambda: server.service.drain_began)
            goes_on.set()
            while not answered.endswith(b"second\r\n0\r\n\r\n"):
                answered += await stream.receive_some()
    assert read_answers(answered)[0].body == b"first second"


async def test_a_drain_waits_for_a_download(serve: Serve, trusting: ssl.SSLContext) -> None:
    async with serve() as server, secured(server, trusting) as stream:
        await stream.send_all(get("/static/big", "Connection: close"))
        answered = [bytes(await stream.receive_some())]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.server.drain, 10.0)
            await wait_until(lambda: server.service.drain_began)
            answered.append(await read_all(stream))
    assert len(read_answers(b"".join(answered))[0].body) == BIG


async def test_a_drain_ends_a_download_that_takes_too_long(
    serve: Serve, trusting: ssl.SSLContext
) -> None:
    async with serve() as server, secured(server, trusting) as stream:
        await stream.send_all(get("/static/big"))
        await stream.receive_some()
        await server.server.drain(0.05)
        with pytest.raises(trio.BrokenResourceError):
            await read_all(stream)


async def test_a_client_that_never_reads_is_disconnected_and_costs_nobody_anything(
    serve: Serve, trusting: ssl.SSLContext
) -> None:
    limits = ServerLimits(send_seconds=0.05)
    async with serve(limits) as server, secured(server, trusting) as greedy:
        async with secured(server, trusting) as other:
            await greedy.send_all(get("/static/big"))
            await other.send_all(GET)
            assert bytes(await other.receive_some()).endswith(b"Hello World")
        await wait_until(lambda: not server.service.connections)
        with pytest.raises(trio.BrokenResourceError):
            await read_all(greedy)


async def test_an_idle_connection_ends_without_a_truncation(
    serve: Serve, trusting: ssl.SSLContext
) -> None:
    async with serve(ServerLimits(idle=0.05)) as server, secured(server, trusting) as stream:
        assert await read_all(stream) == b""


async def test_a_refusal_arrives_at_a_client_that_still_sends(
    serve: Serve, trusting: ssl.SSLContext
) -> None:
    async with serve() as server:
        async with secured(server, trusting, https_compatible=True) as stream:
            await stream.send_all(post("/submit", f"Content-Length: {BIG}", content=b"x" * BIG))
            answered = await read_all(stream)
        assert read_answers(answered)[0].status == 413
        await wait_until(lambda: not server.service.connections)


async def test_a_body_that_breaks_off_ends_without_close_notify(
    serve: Serve, trusting: ssl.SSLContext
) -> None:
    """An HTTP/1.0 body ends with its connection: a close_notify would say that this is all of it."""
    async with serve() as server, secured(server, trusting) as stream:
        await stream.send_all(b"GET /breaking HTTP/1.0\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError):
            await read_all(stream)


@pytest.mark.parametrize("path", ["/", "/static/big", "/stream"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_that_sends_close_notify_gets_its_answer(
    serve: Serve, trusting: ssl.SSLContext, path: str, version: ssl.TLSVersion
) -> None:
    """It closes only its own direction (RFC 8446 §6.1)."""
    trusting.maximum_version = version
    async with serve() as server:
        async with secured(server, trusting) as stream:
            await stream.send_all(get(path))
            answered = await half_close(stream)
        assert read_answers(answered)[0].status == 200
        await wait_until(lambda: not server.service.connections)


async def test_a_client_that_continues_to_send_gets_the_whole_last_answer(
    serve: Serve, trusting: ssl.SSLContext
) -> None:
    """As everybody does who pipelines: a close while octets are unread would drop what is on its way."""
    async with serve(ServerLimits(linger_seconds=30)) as server:
        async with secured(server, trusting) as stream:
            assert isinstance(stream.transport_stream, trio.SocketStream)
            stream.transport_stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            await stream.send_all(get("/static/big", "Connection: close"))
            answered = []
            with suppress(trio.BrokenResourceError):
                while octets := await stream.receive_some():
                    answered.append(bytes(octets))
                    await stream.send_all(GET)  # a record of its own
        assert len(read_answers(b"".join(answered))[0].body) == BIG
        await wait_until(lambda: not server.service.connections)


async def half_close(stream: Stream) -> bytes:
    """Send close_notify, and read until the other side has sent it too; trio offers only both at once."""
    tls, outgoing, incoming = stream._ssl_object, stream._outgoing, stream._incoming
    with pytest.raises(ssl.SSLWantReadError):
        tls.unwrap()
    await stream.transport_stream.send_all(outgoing.read())
    answered: list[bytes] = []
    while True:
        try:
            octets = tls.read(65536)
        except ssl.SSLWantReadError:
            incoming.write(await stream.transport_stream.receive_some())
        except ssl.SSLZeroReturnError:
            return b"".join(answered)
        else:
            if not octets:
                return b"".join(answered)
            answered.append(octets)


async def test_a_key_update_does_not_disturb_the_connection(serve: Serve) -> None:
    async with serve() as server:
        output = await converse(
            "-tls1_3", server, [(b"K\n", b"KEYUPDATE\n"), (GET, b"Hello World")]
        )
        assert b"HTTP/1.1 200 OK" in output
        await wait_until(lambda: not server.service.connections)


async def test_renegotiation_is_refused(serve: Serve) -> None:
    async with serve() as server:
        await converse("-tls1_2", server, [(GET, b"Hello World"), (b"R\n", b"RENEGOTIATING\n")])
        await wait_until(lambda: not server.service.connections)
        output = await converse("-tls1_2", server, [(GET, b"Hello World")])
        assert b"HTTP/1.1 200 OK" in output


async def converse(version: str, server: Serving, steps: list[tuple[bytes, bytes]]) -> bytes:
    """Run OpenSSL's client through some steps of input and expected output; return its whole output."""
    command = ["openssl", "s_client", version, "-connect", f"127.0.0.1:{server.port}"]
    run = partial(
        trio.run_process,
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    output = b""
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(run)
        assert process.stdin is not None
        assert process.stdout is not None
        while b"\n---\n" not in output[-200:]:
            output += await process.stdout.receive_some()
        for tell, answer in steps:
            await process.stdin.send_all(tell)
            while answer not in output:
                more = await process.stdout.receive_some()
                assert more, output
                output += more
        await process.stdin.aclose()
        async for octets in process.stdout:
            output += octets
    return output
