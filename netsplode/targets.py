"""From whatever a developer holds to the TCP connection inside it."""

from __future__ import annotations

import socket
import sys
from typing import Protocol, cast

from netsplode.errors import UnsupportedConnection


class OwnSocket(Protocol):
    """What an abortive close needs: `socket.socket` and trio's sockets both have it."""

    @property
    def family(self) -> int: ...
    @property
    def type(self) -> int: ...
    def fileno(self) -> int: ...
    def getsockopt(self, level: int, option: int, /) -> int: ...
    def setsockopt(self, level: int, option: int, value: bytes, /) -> None: ...
    def close(self) -> None: ...


def own_socket(target: object) -> OwnSocket:
    """The open TCP socket inside ``target``.

    Args:
        target: a `socket.socket` (an `ssl.SSLSocket` is one), a trio socket, a `trio.SocketStream`,
            or a `trio.SSLStream`, however deeply nested.

    Raises:
        UnsupportedConnection: there is none, or it only listens.
    """
    found = _unwrap(target)
    if found is None:
        described = f"{type(target).__module__}.{type(target).__qualname__}"
        raise UnsupportedConnection(
            f"no TCP connection inside a {described}: give a socket.socket, ssl.SSLSocket, "
            "trio socket, trio.SocketStream or trio.SSLStream"
        )
    check_resettable(found)
    return found


def check_resettable(sock: OwnSocket) -> None:
    """Raise unless ``sock`` is one end of a TCP connection.

    Raises:
        UnsupportedConnection: it is closed, of another kind, or listens.
    """
    if sock.fileno() < 0:
        raise UnsupportedConnection("the socket is closed already")
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
        raise UnsupportedConnection("the socket is not a TCP socket: only TCP has a reset")
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise UnsupportedConnection(
            "the socket listens: reset one of its accepted connections instead"
        )


def _unwrap(target: object) -> OwnSocket | None:
    if isinstance(target, socket.socket):
        return cast(OwnSocket, target)
    if "trio" not in sys.modules:  # then this is nothing of trio's, and it costs 100 ms to import
        return None
    import trio

    while isinstance(target, trio.SSLStream):
        target = target.transport_stream
    if isinstance(target, trio.SocketStream):
        target = target.socket
    return cast(OwnSocket, target) if isinstance(target, trio.socket.SocketType) else None
