"""Streams with TLS over them: the connection below is what is reset."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

import netsplode

SAFETY_NET = 20.0  # seconds; nothing here waits that long unless it fails


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command is needed to make a certificate")
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", str(key), "-out", str(certificate)]
    name = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([openssl, *command.split(), *name, *files], capture_output=True, check=True)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))


@pytest.mark.parametrize("what", ["writer", "transport"])
@pytest.mark.parametrize("technique", ["auto", "close"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_peer_of_a_stream_with_tls_sees_a_reset(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], loop: str, technique: str, what: str
) -> None:
    factory = pytest.importorskip("uvloop").new_event_loop if loop == "uvloop" else None

    async def play() -> None:
        seen: asyncio.Queue[Any] = asyncio.Queue()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(
                b"hello"
            )  # a client can't know otherwise that the server's handshake is done
            try:
                seen.put_nowait(await reader.read())
            except OSError as error:
                seen.put_nowait(type(error))
            writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=contexts[0])
        host, port = server.sockets[0].getsockname()
        async with asyncio.timeout(SAFETY_NET):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=contexts[1], server_hostname="localhost"
            )
            assert await reader.readexactly(5) == b"hello"
            target = writer if what == "writer" else writer.transport
            netsplode.reset_connection(target, technique=technique)
            assert await seen.get() is ConnectionResetError
            writer.transport.abort()
        server.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(play())


def test_a_wrapper_is_opened_by_its_documented_accessor() -> None:
    import http.client
    import socket

    import httpcore
    import urllib3

    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        for connection in (
            http.client.HTTPConnection(host, port),
            urllib3.connection.HTTPConnection(host, port),
        ):
            connection.connect()
            server, _ = listener.accept()
            with server:
                server.settimeout(SAFETY_NET)
                netsplode.reset_connection(connection)
                with pytest.raises(ConnectionResetError):
                    server.recv(1)
            connection.close()
        stream = httpcore.SyncBackend().connect_tcp(host, port)
        with listener.accept()[0] as server:
            netsplode.reset_connection(stream)
            with pytest.raises(ConnectionResetError):
                server.recv(1)
        stream.close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_anyio_stream_is_reset(backend: str) -> None:
    import socket

    anyio = pytest.importorskip("anyio")

    async def play() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = await anyio.connect_tcp(*listener.getsockname())
            with listener.accept()[0] as server:
                netsplode.reset_connection(stream)
                with pytest.raises(ConnectionResetError):
                    server.recv(1)
            await stream.aclose()

    anyio.run(play, backend=backend)


def test_nothing_is_read_from_a_path_or_a_file(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        with pytest.raises(netsplode.UnsupportedConnection, match="holds no TCP connection"):
            netsplode.reset_connection(file)
        with pytest.raises(netsplode.UnsupportedConnection, match="is no socket"):
            netsplode.reset_connection(file.fileno())
