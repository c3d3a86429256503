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
    innermost = _unwrap(target)
    found = _as_socket(innermost)
    if found is None:
        described = f"{type(innermost).__module__}.{type(innermost).__qualname__}"
        raise UnsupportedConnection(
            f"{described} holds no TCP connection: give a socket.socket, ssl.SSLSocket, trio socket, "
            "trio.SocketStream, or a trio.SSLStream over one"
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


def _unwrap(target: object) -> object:
    """What is left when every wrapper of trio's is off."""
    if "trio" not in sys.modules:  # then this is nothing of trio's, and it costs 100 ms to import
        return target
    import trio

    while isinstance(target, trio.SSLStream):
        target = target.transport_stream
    return target.socket if isinstance(target, trio.SocketStream) else target


def _as_socket(innermost: object) -> OwnSocket | None:
    if isinstance(innermost, socket.socket):
        return cast(OwnSocket, innermost)
    trio = sys.modules.get("trio")
    if trio is not None and isinstance(innermost, trio.socket.SocketType):
        return cast(OwnSocket, innermost)
    return None
