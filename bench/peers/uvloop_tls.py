"""``python -m bench.peers.uvloop_tls CERTIFICATE KEY``: uvloop's TLS under a protocol that only reads."""

from __future__ import annotations

import asyncio
import ssl
import sys

import uvloop

from bench.peers.asyncio_protocols import Hold
from bench.peers.listening import BACKLOG, listen


async def serve(certificate: str, key: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.get_running_loop().create_server(
        Hold, sock=listen(), backlog=BACKLOG, ssl=context
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:]))
