"""``python -m bench.peers.asyncio_protocols asyncio|uvloop hold|drip|close|reset``: bare asyncio protocols."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import cast

from bench.peers.listening import BACKLOG, listen

INTERVAL = 1.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Hold(asyncio.Protocol):
    """A protocol that only reads."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        pass


class Drip(asyncio.Protocol):
    """A protocol that sends an octet each second after a request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.loop = asyncio.get_running_loop()
        self.due = self.loop.time() + INTERVAL
        self.timer = self.loop.call_later(INTERVAL, self.fall)

    def fall(self) -> None:
        self.transport.write(b"x")
        self.due += INTERVAL
        self.timer = self.loop.call_later(self.due - self.loop.time(), self.fall)

    def connection_lost(self, exc: Exception | None) -> None:
        self.timer.cancel()


class Close(asyncio.Protocol):
    """A protocol that closes at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Reset(asyncio.Protocol):
    """A protocol that resets after a request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()


ROLES: dict[str, type[asyncio.Protocol]] = {
    "hold": Hold,
    "drip": Drip,
    "close": Close,
    "reset": Reset,
}


async def serve(role: str) -> None:
    server = await asyncio.get_running_loop().create_server(
        ROLES[role], sock=listen(), backlog=BACKLOG
    )
    await server.serve_forever()


if __name__ == "__main__":
    loop, role = sys.argv[1:]
    if loop == "uvloop":
        import uvloop

        uvloop.run(serve(role))
    else:
        asyncio.run(serve(role))
