"""TLS on the hub, with real clients."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.net.hubs.hub import IN, Hub, open_hub
from hamms_trio.net.tls import Handshakes, TlsSocket
from hamms_trio.pki.folder import Certificates, throwaway_certificates

SAFETY_NET = 60.0


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    with throwaway_certificates() as made:
        yield made


@pytest.fixture
def client_context(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificates.authority))


class Echo:
    """An echo connection, which ends when the client has sent its last octet."""

    def __init__(self, hub: Hub, sock: TlsSocket, octets: bytes) -> None:
        self._hub, self._socket, self._fd = hub, sock, sock.fileno()
        hub.watch(self._fd, self, IN)
        if octets:
            sock.send(octets)

    group = None

    def on_event(self, _events: int) -> None:
        try:
            octets = self._socket.recv(10)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if octets:
            self._socket.send(octets)
        else:
            with suppress(OSError):  # the client has closed or reset the connection
                self._socket.shutdown(socket.SHUT_WR)
            self.abandon()

    def abandon(self) -> None:
        self._hub.forget(self._fd)
        self._socket.close()


class Server:
    """A TLS echo server on the hub."""

    def __init__(self, hub: Hub, certificate: ServerCertificate, seconds: float) -> None:
        self.hub = hub
        self.handshakes = Handshakes(hub, certificate, seconds=seconds)
        self.failures: list[str] = []
        self.failed = trio.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = self._socket.getsockname()
        hub.watch(self._socket.fileno(), self, IN)

    group = None

    def on_event(self, _events: int) -> None:
        sock, _ = self._socket.accept()
        sock.setblocking(False)
        self.handshakes.begin(sock, self._on_secured, self._on_failure)

    def abandon(self) -> None:
        self._socket.close()

    def _on_secured(self, sock: TlsSocket, octets: bytes) -> None:
        Echo(self.hub, sock, octets)

    def _on_failure(self, reason: str, _hello: bytes) -> None:
        self.failures.append(reason)
        self.failed.set()


@asynccontextmanager
async def serving(certificates: Certificates, seconds: float = SAFETY_NET) -> AsyncIterator[Server]:
    hub = open_hub()
    server = Server(hub, ServerCertificate(certificates.certificate, certificates.key), seconds)
    with trio.fail_after(SAFETY_NET):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.run)
            yield server
            nursery.cancel_scope.cancel()


async def secured(server: Server, context: ssl.SSLContext) -> trio.SSLStream[trio.SocketStream]:
    stream = await trio.open_tcp_stream(*server.address)
    return trio.SSLStream(stream, context, server_hostname="localhost")


async def received(stream: trio.abc.ReceiveStream, octets: int) -> bytes:
    got = b""
    while len(got) < octets:
        more = await stream.receive_some()
        if not more:
            break
        got += more
    return got


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_octets_pass_both_ways_and_close_notify_ends_them(
    certificates: Certificates, client_context: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    client_context.maximum_version = version
    client_context.set_alpn_protocols(["h2", "http/1.1"])
    async with serving(certificates) as server:
        async with await secured(server, client_context) as stream:
            for size in (1, 16 * 1024, 40_000):  # the last in several records
                await stream.send_all(b"x" * size)
                assert await received(stream, size) == b"x" * size
            assert stream.selected_alpn_protocol() == "http/1.1"


async def test_a_silent_client_times_out_and_delays_nobody(
    certificates: Certificates, client_context: ssl.SSLContext
) -> None:
    # The other client needs a millisecond, or some tenths of a second on a busy machine.
    async with serving(certificates, seconds=1.0) as server:
        silent = await trio.open_tcp_stream(*server.address)
        async with await secured(server, client_context) as stream:
            await stream.send_all(b"hello")
            assert await received(stream, 5) == b"hello"
            await server.failed.wait()
            assert await silent.receive_some() == b""
            assert server.failures == ["TIMEOUT"]
            await stream.send_all(b"still there")
            assert await received(stream, 11) == b"still there"
        await silent.aclose()


async def test_a_reset_during_the_handshake_harms_no_other_client(
    certificates: Certificates, client_context: ssl.SSLContext
) -> None:
    import netsplode

    async with serving(certificates) as server:
        stream = await trio.open_tcp_stream(*server.address)
        await stream.send_all(b"\x16\x03\x01\x02\x00")  # the beginning of a ClientHello
        netsplode.reset_connection(stream)
        await server.failed.wait()
        await stream.aclose()
        async with await secured(server, client_context) as other:
            await other.send_all(b"x")
            assert await received(other, 1) == b"x"


async def test_a_reset_before_accept_is_a_handshake_failure(
    certificates: Certificates, client_context: ssl.SSLContext
) -> None:
    async with serving(certificates) as server:
        # The server accepts it only at the next checkpoint.
        client = socket.create_connection(server.address)
        client.sendall(b"\x16\x03\x01\x02\x00")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        await server.failed.wait()
        async with await secured(server, client_context) as other:
            await other.send_all(b"x")
            assert await received(other, 1) == b"x"


async def test_plain_http_to_the_tls_port_gets_400(certificates: Certificates) -> None:
    async with serving(certificates) as server:
        stream = await trio.open_tcp_stream(*server.address)
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await received(stream, 10_000)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"use https://" in answer
        await stream.aclose()


async def test_a_long_plain_http_request_gets_400(certificates: Certificates) -> None:
    octets = 10_000_000  # more than all socket buffers on the way hold
    async with serving(certificates) as server:
        stream = await trio.open_tcp_stream(*server.address)
        await stream.send_all(b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % octets)
        await stream.send_all(b"x" * octets)
        assert (await received(stream, 10_000)).startswith(b"HTTP/1.1 400 ")
        await stream.aclose()
        await server.failed.wait()
        assert server.failures == ["HTTP_REQUEST"]


@pytest.mark.parametrize("version", ["-tls1_1", "-tls1"])
async def test_old_tls_versions_are_refused(certificates: Certificates, version: str) -> None:
    async with serving(certificates) as server:
        host, port = server.address
        command = ["openssl", "s_client", version, "-connect", f"{host}:{port}"]
        done = await trio.run_process(
            command, stdin=b"", capture_stdout=True, capture_stderr=True, check=False
        )
        assert done.returncode != 0
        assert b"Cipher is (NONE)" in done.stdout


async def test_openssl_verifies_the_certificate(certificates: Certificates) -> None:
    async with serving(certificates) as server:
        host, port = server.address
        command = ["openssl", "s_client", "-verify_return_error", "-verify_hostname", "localhost"]
        done = await trio.run_process(
            [*command, "-CAfile", str(certificates.authority), "-connect", f"{host}:{port}"],
            stdin=b"",
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        assert b"Verify return code: 0 (ok)" in done.stdout


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_resumes_its_session(
    certificates: Certificates, client_context: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    client_context.maximum_version = version

    def visit(session: ssl.SSLSession | None) -> tuple[bool, ssl.SSLSession | None]:
        with (
            socket.create_connection(server.address) as sock,
            client_context.wrap_socket(
                sock, server_hostname="localhost", session=session
            ) as client,
        ):
            client.sendall(b"hello")
            assert client.recv(5) == b"hello"  # a ticket of TLS 1.3 comes with the first content
            return bool(client.session_reused), client.session

    async with serving(certificates) as server:
        was_resumed, session = await trio.to_thread.run_sync(visit, None)
        assert not was_resumed
        was_resumed, _ = await trio.to_thread.run_sync(visit, session)
        assert was_resumed
