"""From whatever a developer holds to the TCP connection inside it."""

from __future__ import annotations

import errno
import os
import socket
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Any

from netsplode.connections import plain_host
from netsplode.errors import ConnectionNotFound, UnsupportedConnection
from netsplode.kernel import tcp
from netsplode.kernel.diag import Diag, Entry
from netsplode.kernel.tcp import State
from netsplode.result import Address

_NESTED_AT_MOST = 16  # wrappers within wrappers; more is a cycle
_GONE = frozenset((State.CLOSED, State.TIME_WAIT))
# http.client, urllib3 and redis-py; the latter has no public name for it, nor has its asyncio half; aiohttp
_WITHIN = ("sock", "_sock", "_writer", "transport")
_ON_LINUX = sys.platform == "linux"
_SOCKET = socket.SocketType  # the class below socket.socket: half the cost, and no enumerations


class Holder(Enum):
    """Who has to close the socket, when it comes to that."""

    SOCKET = "a socket.socket"
    DESCRIPTOR = "a descriptor"
    ASYNCIO = "an asyncio transport"
    TRIO = "a trio socket"
    OTHER = "something that closes its socket in its own way"


@dataclass(slots=True)
class Target:
    """One end of a TCP connection, pinned: ``sock`` is a duplicate of our own, so no reuse can hurt.

    Of another process' connection there is an ``entry`` of the kernel's list instead, and of one that
    is merely forwarded neither. Close it.
    """

    local: Address
    remote: Address
    holder: Holder = Holder.OTHER
    owner: object = None
    sock: socket.SocketType | None = None
    entry: Entry | None = None
    interface: int = 0  # the index of a link-local address'

    @property
    def is_forwarded(self) -> bool:
        return self.sock is None and self.entry is None

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is in another network namespace, in which this thread can neither look nor inject."""
        return self.sock is not None and _ON_LINUX and tcp.is_elsewhere(self.sock)

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()


def held(target: object) -> Target:
    """The connection inside ``target``, which this process holds.

    Raises:
        UnsupportedConnection: there is none in it, or it is not TCP, listens, or was closed.
        ConnectionNotFound: the socket has no connection, or none any more.
    """
    owner, holder = (target, Holder.SOCKET) if type(target) is socket.socket else unwrap(target)
    number = owner if isinstance(owner, int) else owner.fileno()
    if number < 0:
        raise UnsupportedConnection("the socket is closed already")
    sock = duplicate(number)
    try:
        if not isinstance(owner, int) and owner.fileno() != number:
            raise UnsupportedConnection("the socket is closed already")  # and its number another's
        check_resettable(sock)
        name = sock.getsockname()
        local = _address(name)
        try:
            remote = _address(sock.getpeername())
        except OSError:
            remote = _remote_in_handshake(sock)
    except BaseException:
        sock.close()
        raise
    return Target(local, remote, holder, owner, sock, interface=name[3] if len(name) > 3 else 0)


def listed(entry: Entry) -> Target:
    """A connection of whatever process, as the kernel lists it."""
    return Target(entry.local, entry.remote, entry=entry, interface=entry.interface)


def duplicate(descriptor: int) -> socket.SocketType:
    """Another descriptor for the same socket.

    Raises:
        UnsupportedConnection: this is no open socket.
        OSError: this process has no descriptor left.
    """
    try:
        if sys.platform == "win32":
            return socket.fromfd(descriptor, -1, -1, -1)
        copy = os.dup(descriptor)
    except OverflowError:
        raise UnsupportedConnection(f"{descriptor} is no descriptor") from None
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        raise UnsupportedConnection(f"descriptor {descriptor} is no open socket: {error}") from None
    try:
        return _SOCKET(fileno=copy)
    except OSError as error:
        os.close(copy)
        raise UnsupportedConnection(f"descriptor {descriptor} is no socket: {error}") from None


def check_resettable(sock: socket.SocketType) -> None:
    """Raise unless ``sock`` is one end of a TCP connection.

    Raises:
        UnsupportedConnection: it is of another kind, or listens.
        ConnectionNotFound: it has no connection, or none any more.
    """
    if (
        sock.family not in (socket.AF_INET, socket.AF_INET6)
        or sock.type != socket.SOCK_STREAM
        or sock.proto not in (socket.IPPROTO_TCP, tcp.IPPROTO_MPTCP)
    ):
        raise UnsupportedConnection("the socket is not a TCP socket: only TCP has a reset")
    if _ON_LINUX:
        state = tcp.state(sock)
        listens, gone = state == State.LISTEN, state in _GONE
    else:
        listens, gone = bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)), False
    if listens:
        raise UnsupportedConnection(
            "the socket listens: reset one of its accepted connections instead"
        )
    if gone:
        raise ConnectionNotFound("the socket has no connection, or none any more")


def unwrap(target: object) -> tuple[Any, Holder]:
    """What has the descriptor inside ``target``, and who has to close it."""
    found: Any = target
    holder: Holder | None = None
    for _ in range(_NESTED_AT_MOST):
        if isinstance(found, socket.socket):
            return found, holder or Holder.SOCKET
        if type(found) is int:
            return found, holder or Holder.DESCRIPTOR
        if _is_trio_socket(found):
            return found, Holder.TRIO
        if _is_asyncio(found):
            inner = found.get_extra_info("socket")
            if inner is None:
                break
            return _Transport(inner, getattr(found, "transport", found)), Holder.ASYNCIO
        if _has_descriptor(found):  # whatever is in it, it would not notice that that is closed
            return found, Holder.OTHER
        inner, is_foreign = _inside(found)
        if inner is None:
            break
        found = inner
        if is_foreign:
            holder = Holder.OTHER
    described = f"{type(found).__module__}.{type(found).__qualname__}"
    raise UnsupportedConnection(
        f"{described} holds no TCP connection: give a socket.socket, ssl.SSLSocket, descriptor, asyncio "
        "transport or StreamWriter, trio socket, trio.SocketStream, a trio.SSLStream over one, "
        "an object that wraps one of these, or an address, as ('127.0.0.1', 5432) or '127.0.0.1:5432'"
    )


class _Transport:
    """An asyncio transport, its socket's descriptor and its loop.

    The loop of uvloop's is known on its own thread only; elsewhere it is None.
    """

    def __init__(self, sock: Any, transport: Any) -> None:
        asyncio: Any = sys.modules["asyncio.events"]
        self._socket = sock
        self.transport = transport
        self.loop: Any = getattr(transport, "_loop", None) or asyncio._get_running_loop()

    def fileno(self) -> int:
        return int(self._socket.fileno())


def _is_asyncio(found: object) -> bool:
    return hasattr(found, "get_extra_info") and (
        hasattr(found, "is_closing") and hasattr(getattr(found, "transport", found), "abort")
    )


def _is_trio_socket(found: object) -> bool:
    # What is nothing of trio's shall not cost the import of trio.
    trio: Any = sys.modules.get("trio")
    return trio is not None and isinstance(found, trio.socket.SocketType)


def _inside(found: Any) -> tuple[object, bool]:
    """What this wraps, if it says so in its documented way; and whether that is closed its own way."""
    if isinstance(found, type):
        return None, False
    trio: Any = sys.modules.get("trio")
    if trio is not None:
        if isinstance(found, trio.SSLStream):
            return found.transport_stream, False
        if isinstance(found, trio.SocketStream):
            return found.socket, False
        if isinstance(found, trio.StapledStream):
            return found.send_stream, False
    anyio: Any = sys.modules.get("anyio.abc")
    if anyio is not None and hasattr(found, "extra_attributes"):
        return found.extra(anyio.SocketAttribute.raw_socket, None), True
    if hasattr(found, "get_extra_info"):  # httpcore's network streams
        return found.get_extra_info("socket"), False
    for name in _WITHIN:
        if getattr(found, name, None) is not None:
            return getattr(found, name), False
    pgconn = getattr(found, "pgconn", None)  # psycopg
    return (None, False) if pgconn is None else (pgconn.socket, True)


def _has_descriptor(found: Any) -> bool:
    """Whether it has a descriptor of a socket and the methods of one, as asyncio's TransportSocket."""
    return (
        not isinstance(found, type)
        and callable(getattr(found, "fileno", None))
        and hasattr(found, "getsockname")
    )


def _address(sockaddr: Any) -> Address:
    host, port = sockaddr[:2]
    return (plain_host(host) if host[:1] == ":" else host, port)


def _remote_in_handshake(sock: socket.SocketType) -> Address:
    """A socket that connects has no peer's name yet; the kernel's list has it."""
    if _ON_LINUX:
        wanted = tcp.cookie(sock)
        with Diag() as diag:
            for entry in diag.dump([State.SYN_SENT, State.SYN_RECEIVED]):
                if entry.cookie == wanted:
                    return entry.remote
    raise ConnectionNotFound("the socket has no connection, or none any more")
