"""The listening socket of a peer."""

from __future__ import annotations

import socket

BACKLOG = 4096  # the same as ours


def listen() -> socket.socket:
    """Listen on a free port, and print the port."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    sock.setblocking(False)
    print(sock.getsockname()[1], flush=True)
    return sock
