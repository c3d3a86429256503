"""Servers on this test's own trio loop, and clients that send given octets exactly."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.http import Router, ServerLimits, Service
from hamms_trio.http.serving.server import Server
from hamms_trio.net.hubs.hub import open_hub
from hamms_trio.net.listening.ports import open_port


class Serving:
    """A running server."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.service = server.service
        self.port = port

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def ask(self, octets: bytes) -> bytes:
        """All that is answered to ``octets`` by a client that closes its side after them."""
        async with await self.connect() as client:
            await client.send_all(octets)
            await client.send_eof()
            return await read_all(client)


ABORT = b"\1\0\0\0\0\0\0\0"  # SO_LINGER with no seconds
Serve = Callable[..., AbstractAsyncContextManager[Serving]]


async def wait_until(holds: Callable[[], object]) -> None:
    """Give the server its turns until something holds."""
    while not holds():
        await trio.lowlevel.checkpoint()


def reset(client: trio.SocketStream) -> None:
    """End the client's connection by RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    client.socket.close()


async def read_all(client: trio.SocketStream) -> bytes:
    """Everything until the server closes its side."""
    return b"".join([bytes(octets) async for octets in client])


async def read_until(client: trio.SocketStream, ending: bytes) -> bytes:
    """Everything up to ``ending``, which nothing may follow yet."""
    octets = b""
    while not octets.endswith(ending):
        more = await client.receive_some()
        assert more, octets
        octets += more
    return octets


@asynccontextmanager
async def serving(
    router: Router,
    limits: ServerLimits | None = None,
    *,
    host: str = "127.0.0.1",
    hub: str | None = None,
    certificate: ServerCertificate | None = None,
) -> AsyncIterator[Serving]:
    """Serve ``router`` on a free port while the block runs.

    Args:
        hub: the kind that carries the connections; None for the platform's own.
    """
    port, sockets = open_port(host, 0, purpose="a test", option="--port")
    service = Service(router, limits=limits)
    server = Server(service, sockets, certificate=certificate, hub=open_hub(hub))
    with trio.fail_after(30):  # a net, not a measurement
        async with trio.open_nursery() as nursery:
            await nursery.start(server.run)
            yield Serving(server, port)
            nursery.cancel_scope.cancel()
