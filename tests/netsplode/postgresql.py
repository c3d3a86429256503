"""The part of a PostgreSQL server that a client needs to connect, and to wait for its first answer."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from tests.netsplode.scenes import FarEnd, far_end

# The message's length, itself included (PostgreSQL's documentation, 55.7).
_START_UP = struct.Struct("!I")


def _begin_a_session(sock: socket.socket) -> None:
    (length,) = _START_UP.unpack(sock.recv(_START_UP.size))
    sock.recv(length - _START_UP.size)
    for kind, body in (b"R", bytes(4)), (b"Z", b"I"):  # AuthenticationOk, ReadyForQuery
        sock.sendall(kind + _START_UP.pack(_START_UP.size + len(body)) + body)


@contextmanager
def postgresql() -> Iterator[tuple[FarEnd, str]]:
    """Run a server of one session that answers no query; yield it with the connection string for psycopg."""
    with far_end(_begin_a_session) as far:
        host, port = far.address
        asks = "user=somebody dbname=something sslmode=disable gssencmode=disable"
        yield far, f"host={host} port={port} {asks}"
