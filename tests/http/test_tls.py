"""The well-behaved server over TLS, on the hub and on trio streams, with real clients."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio

import netsplode
from hamms_trio.certificates import ServerCertificate
from hamms_trio.files import FileTree, Root
from hamms_trio.http import Request, Response, Router, ServerLimits, text
from hamms_trio.http.resources.files import add_static
from hamms_trio.lab.connection import RECEIVE_OCTETS
from hamms_trio.pki.folder import make_certificates
from tests.http.conversations import GET, LAST
from tests.http.server import Serve, Serving, serving

BIG = 3_000_000  # octets, more than any buffer on the way holds


@pytest.fixture
def serve(router: Router, hub_kind: str, certificate: ServerCertificate) -> Serve:
    @router.post("/length", max_content=BIG)
    async def length(request: Request) -> Response:
        return text(str(len(await request.read())))

    return partial(serving, router, hub=hub_kind, certificate=certificate)


def client_of(server: Serving, trusting: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"https://localhost:{server.port}", verify=trusting)


async def test_requests_are_answered_and_the_connection_is_kept(
    serve: Serve, trusting: ssl.SSLContext
) -> None:
    async with serve() as server, client_of(server, trusting) as client:
        assert (await client.get("/")).text == "Hello World"
        assert (await client.get("/stream")).text == "chunk-one\nchunk-two\nchunk-three\n"
        assert (await client.post("/length", content=b"x" * BIG)).text == str(BIG)
        assert server.service.connections == 1


async def test_a_file_arrives_whole_at_a_client_that_reads_slowly(
    serve: Serve, router: Router, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    octets = bytes(range(256)) * (BIG // 256)
    (tmp_path / "file").write_bytes(octets)
    add_static(router, FileTree(root=Root(tmp_path), prefix="/static/"))
    async with serve() as server, client_of(server, trusting) as client:
        async with client.stream("GET", "/static/file") as response:
            got = b"".join([piece async for piece in response.aiter_raw(1000)])
    assert got == octets


async def test_a_connection_ends_with_close_notify(serve: Serve, trusting: ssl.SSLContext) -> None:
    async with serve() as server:
        stream = await _handshake(server, trusting)  # raises if there is no close_notify
        await stream.send_all(LAST)
        answer = b"".join([bytes(piece) async for piece in stream])
        assert answer.endswith(b"Hello World")
        await trio.aclose_forcefully(stream)


async def test_silent_and_vanishing_clients_cost_nobody_else_anything(
    serve: Serve, trusting: ssl.SSLContext
) -> None:
    async with serve(ServerLimits(handshake_seconds=0.05)) as server:
        silent, vanishing = await server.connect(), await server.connect()
        await vanishing.send_all(b"\x16\x03\x01\x02\x00")  # the beginning of a ClientHello
        netsplode.reset_connection(vanishing)
        async with client_of(server, trusting) as client:
            assert (await client.get("/")).status_code == 200
            assert await silent.receive_some(RECEIVE_OCTETS) == b""
            assert (await client.get("/")).status_code == 200
        assert server.service.account.errors["tls_handshake"] == 2
        await trio.aclose_forcefully(silent)
        await trio.aclose_forcefully(vanishing)


async def test_a_failed_handshake_makes_room_for_a_waiting_client(
    serve: Serve, trusting: ssl.SSLContext
) -> None:
    limits = ServerLimits(connections=1, connections_wait=True, handshake_seconds=0.05)
    async with serve(limits) as server:
        silent = await server.connect()
        async with client_of(server, trusting) as client:
            assert (await client.get("/")).status_code == 200
        await trio.aclose_forcefully(silent)


async def test_a_certificate_loaded_anew_is_shown_to_the_next_client(
    router: Router, hub_kind: str, tmp_path: Path
) -> None:
    first = make_certificates(tmp_path, ["one.test"])
    certificate = ServerCertificate(first.certificate, first.key)
    trusting = ssl.create_default_context(cafile=str(first.authority))
    async with serving(router, hub=hub_kind, certificate=certificate) as server:
        handshake = partial(_handshake, server, trusting)
        kept = await handshake("one.test")
        make_certificates(tmp_path, ["two.test"])
        certificate.reload()
        await trio.aclose_forcefully(await handshake("two.test"))
        await kept.send_all(GET)
        assert (await kept.receive_some()).startswith(b"HTTP/1.1 200 ")
        await trio.aclose_forcefully(kept)


async def _handshake(
    server: Serving, trusting: ssl.SSLContext, name: str = "localhost"
) -> trio.SSLStream[trio.SocketStream]:
    stream = trio.SSLStream(await server.connect(), trusting, server_hostname=name)
    await stream.do_handshake()
    return stream
