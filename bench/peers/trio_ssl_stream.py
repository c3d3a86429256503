"""``python -m bench.peers.trio_ssl_stream CERTIFICATE KEY``: `trio.SSLStream`, which only reads."""

from __future__ import annotations

import ssl
import sys
from contextlib import suppress

import trio

from bench.peers.listening import listen


async def serve(certificate: str, key: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def converse(stream: trio.SSLStream[trio.SocketStream]) -> None:
        with suppress(trio.BrokenResourceError):  # one client that leaves does not end the server
            async with stream:
                while await stream.receive_some():
                    pass

    listener = trio.SocketListener(trio.socket.from_stdlib_socket(listen()))
    # As in an HTTP server, which does not wait for the other side's close_notify.
    secured = trio.SSLListener(listener, context, https_compatible=True)
    await trio.serve_listeners(converse, [secured])


if __name__ == "__main__":
    trio.run(serve, sys.argv[1], sys.argv[2])
