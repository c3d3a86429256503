"""The socket that a peer listens on."""

from __future__ import annotations

import socket

BACKLOG = 4096  # as ours


def listen() -> socket.socket:
    """A listening socket on a free port; the port is printed."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    sock.setblocking(False)
    print(sock.getsockname()[1], flush=True)
    return sock
