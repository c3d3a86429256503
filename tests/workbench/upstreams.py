"""Services for targets: each answers every connection by fixed octets, or by a coroutine."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

Answer = Callable[["Upstream", trio.SocketStream], Awaitable[None]]


@dataclass
class Upstream:
    """A running service.

    Attributes:
        url: its base URL.
        heads: of the requests so far, each with its content.
        connections: the number of connections so far.
        gone: set when a client has closed its connection.
    """

    url: str = ""
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    gone: trio.Event = field(default_factory=trio.Event)

    async def receive_head(self, stream: trio.SocketStream) -> bytes:
        """Return the next head with its content, or nothing at the end."""
        octets = b""
        while not _is_whole(octets):
            piece = await stream.receive_some()
            if not piece:
                self.gone.set()
                return b""
            octets += piece
        self.heads.append(octets)
        return octets


def _is_whole(octets: bytes) -> bool:
    head, end, content = octets.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    if b"chunked" in head:
        return content.endswith(b"0\r\n\r\n")
    return bool(end) and len(content) >= (int(length[1]) if length else 0)


def answering(octets: bytes, *, close: bool = False) -> Answer:
    """Return a service that answers each request by the same octets."""

    async def answer(upstream: Upstream, stream: trio.SocketStream) -> None:
        while await upstream.receive_head(stream):
            await stream.send_all(octets)
            if close:
                return

    return answer


def ok(body: bytes = b"ok", *lines: str) -> bytes:
    """Return a response."""
    fields = "".join(f"{line}\r\n" for line in (*lines, f"Content-Length: {len(body)}"))
    return f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode() + body


async def silent(upstream: Upstream, stream: trio.SocketStream) -> None:
    """Read, and answer nothing."""
    while await upstream.receive_head(stream):
        pass


async def endless(_upstream: Upstream, stream: trio.SocketStream) -> None:
    """Answer by content that never ends."""
    await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await stream.send_all(b"x" * 65_536)


async def resetting(upstream: Upstream, stream: trio.SocketStream) -> None:
    """Reset the connection after a request."""
    await upstream.receive_head(stream)
    stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@asynccontextmanager
async def open_upstream(answer: Answer) -> AsyncIterator[Upstream]:
    """Run a service while the ``async with`` block runs."""
    upstream = Upstream()

    async def serve(stream: trio.SocketStream) -> None:
        upstream.connections += 1
        async with stream:
            try:
                await answer(upstream, stream)
            except trio.BrokenResourceError:
                upstream.gone.set()

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        upstream.url = f"http://127.0.0.1:{port}"
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield upstream
        nursery.cancel_scope.cancel()
