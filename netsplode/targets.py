"""Find the TCP connection inside the object that a developer holds.

Why this is hard: people hold a response, a reader or a file more often than a socket, and each library
nests its socket in its own way. No library is imported for this. `unwrap` follows the attributes by which
the well-known ones nest, and takes the first descriptor that it meets.
"""

from __future__ import annotations

import errno
import gc
import io
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, TypeVar

from netsplode.connection import Connection
from netsplode.connections import plain_host
from netsplode.errors import ConnectionNotFound, UnsupportedConnection
from netsplode.kernel import tcp
from netsplode.kernel.diag import Diag, Entry
from netsplode.kernel.namespaces import Network, run_in
from netsplode.kernel.tcp import State
from netsplode.privileges import has_capability
from netsplode.result import Address

T = TypeVar("T")

_MOST_OBJECTS = 64  # to look at; a mock has every attribute, and each leads to another mock
_GONE = frozenset((State.CLOSED, State.TIME_WAIT))
_ON_LINUX = sys.platform == "linux"
_SOCKET = socket.SocketType  # the base class of socket.socket costs half as much to make
# The attributes by which libraries nest a connection. Not all have a public name for it.
_NESTING = (
    "sock",  # http.client, urllib3, redis-py, smtplib, paramiko
    "_sock",  # socket.SocketIO, redis-py
    "raw",  # io.BufferedReader, requests.Response
    "buffer",  # io.TextIOWrapper
    "fp",  # http.client.HTTPResponse, urllib's responses
    "_fp",  # urllib3.HTTPResponse
    "_writer",  # redis-py's asyncio half
    "transport",  # asyncio.StreamWriter, aiohttp.Connection, asyncio and Twisted protocols
    "_transport",  # asyncio.StreamReader
    "connection",  # aiohttp.ClientResponse, urllib3.HTTPResponse, socketserver's handlers
    "_protocol",  # aiohttp.StreamReader
)
# The same for libraries that would not notice that their socket was closed.
_NESTING_FOREIGN = (
    "socket",  # tornado's IOStream, Twisted's transports, websockets' sync connection, psycopg's PGconn
    "pgconn",  # psycopg
)
_SIMPLE = (str, bytes, bytearray, bool, float, tuple, list, dict, set, type(None))


class Holder(Enum):
    """The object that has to close the socket, if it comes to that."""

    SOCKET = "a socket.socket"
    DESCRIPTOR = "a descriptor"
    ASYNCIO = "an asyncio transport"
    TRIO = "a trio socket"
    OTHER = "an object that closes its socket in its own way"


@dataclass(slots=True)
class Target:
    """One end of a TCP connection; close it after use.

    A connection of this process has a ``sock``: a duplicate of our own, which cannot become another socket.
    A connection of another process has an ``entry`` of the kernel's list. A forwarded one has neither.

    Attributes:
        interface: the index of the interface of a link-local address.
        network: the network namespace of another process; None if it is this thread's.
    """

    local: Address
    remote: Address
    holder: Holder = Holder.OTHER
    owner: object = None
    sock: socket.SocketType | None = None
    entry: Entry | None = None
    interface: int = 0
    network: Network | None = None

    @property
    def is_forwarded(self) -> bool:
        """True if this host does not end the connection."""
        return self.sock is None and self.entry is None

    @property
    def is_elsewhere(self) -> bool:
        """True if the socket is in a network namespace that can't be entered from here."""
        if self.sock is None or self.network is not None or not _ON_LINUX:
            return False
        return tcp.is_elsewhere(self.sock)

    def run_in_network(self, work: Callable[[], T]) -> T:
        """Call ``work`` inside the network namespace of this connection."""
        return run_in(self.network, work)

    def has_capability(self, name: str) -> bool:
        """Return True if this process has the capability in the connection's network namespace."""
        return self.run_in_network(partial(has_capability, name))

    def close(self) -> None:
        """Close the duplicate of the socket."""
        if self.sock is not None:
            self.sock.close()


def held(target: object) -> Target:
    """Find the connection inside an object of this process.

    Raises:
        UnsupportedConnection: the object holds none, or its socket is not TCP, listens or is closed.
        ConnectionNotFound: the socket is not connected.
    """
    owner, holder = (target, Holder.SOCKET) if type(target) is socket.socket else unwrap(target)
    number = owner if isinstance(owner, int) else owner.fileno()
    if number < 0:
        raise UnsupportedConnection("the socket is closed already")
    sock = duplicate(number)
    try:
        if not isinstance(owner, int) and owner.fileno() != number:
            # The number may belong to another file by now.
            raise UnsupportedConnection("the socket is closed already")
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


def listed(entry: Entry, network: Network | None = None) -> Target:
    """Make a target of an entry of the kernel's list."""
    return Target(
        entry.local, entry.remote, entry=entry, interface=entry.interface, network=network
    )


def target_of(connection: Connection) -> Target:
    """Make a target of a connection that `find_connections` returned.

    Raises:
        UnsupportedConnection: the connection was made by hand.
    """
    if connection.entry is None:
        raise UnsupportedConnection(f"{connection} is not from find_connections")
    return listed(connection.entry, connection.network)


def duplicate(descriptor: int) -> socket.SocketType:
    """Open another descriptor for the same socket.

    Raises:
        UnsupportedConnection: the descriptor is no open socket.
        OSError: this process has no free descriptor.
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
    """Check that ``sock`` is one end of a TCP connection.

    Raises:
        UnsupportedConnection: the socket is of another kind, or listens.
        ConnectionNotFound: the socket is not connected.
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
        raise ConnectionNotFound("the socket is not connected, or not any more")


def unwrap(target: object) -> tuple[Any, Holder]:
    """Find the socket or descriptor inside an object, and the holder that has to close it.

    Raises:
        UnsupportedConnection: there is none.
    """
    if type(target) is int:
        return target, Holder.DESCRIPTOR
    found = _search(target, None, {})
    if found is not None:
        return found
    described = f"{type(target).__module__}.{type(target).__qualname__}"
    raise UnsupportedConnection(
        f"{described} holds no TCP connection, or none any more: give a socket, a descriptor, a stream, a "
        "transport, a response whose body is not read to its end, a file of a socket, an object that "
        "wraps one of these, or an address, as ('127.0.0.1', 5432) or '127.0.0.1:5432'"
    )


def _search(
    found: Any, holder: Holder | None, seen: dict[int, object]
) -> tuple[Any, Holder] | None:
    """Search depth-first; ``seen`` keeps every object alive, so that no id is used twice."""
    if isinstance(found, socket.socket):
        return found, holder or Holder.SOCKET
    if isinstance(found, (*_SIMPLE, type)) or id(found) in seen or len(seen) >= _MOST_OBJECTS:
        return None
    seen[id(found)] = found
    if type(found) is int:
        return (found, holder) if holder is Holder.OTHER else None  # a PGconn's descriptor
    if _is_trio_socket(found):
        return found, Holder.TRIO
    if _is_asyncio(found):
        inner = found.get_extra_info("socket")
        if _fileno(inner) is None:
            return None
        return _Transport(inner, getattr(found, "transport", found)), Holder.ASYNCIO
    if _is_like_a_socket(found):
        return found, Holder.OTHER
    for inner, is_foreign in _nested(found):
        result = _search(inner, Holder.OTHER if is_foreign else holder, seen)
        if result is not None:
            return result
    return (found, Holder.OTHER) if _has_socket_descriptor(found) else None


class _Transport:
    """An asyncio transport, with the descriptor of its socket and its loop.

    A transport of uvloop does not name its loop, so the loop is known on its own thread only.
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
    trio: Any = sys.modules.get("trio")  # importing trio would cost more than the reset
    return trio is not None and isinstance(found, trio.socket.SocketType)


def _nested(found: Any) -> Iterator[tuple[object, bool]]:
    """Yield the objects that ``found`` may wrap, and True for those that are closed their own way."""
    trio: Any = sys.modules.get("trio")
    if trio is not None:
        if isinstance(found, trio.SSLStream):
            yield found.transport_stream, False
        if isinstance(found, trio.SocketStream):
            yield found.socket, False
        if isinstance(found, trio.StapledStream):
            yield found.send_stream, False
    anyio: Any = sys.modules.get("anyio.abc")
    if anyio is not None and hasattr(found, "extra_attributes"):
        yield found.extra(anyio.SocketAttribute.raw_socket, None), True
    if hasattr(found, "get_extra_info"):  # httpcore's network streams
        yield found.get_extra_info("socket"), False
    extensions = _attribute(found, "extensions")
    if isinstance(extensions, Mapping):  # httpx.Response
        yield extensions.get("network_stream"), False
    for name in _NESTING:
        yield _attribute(found, name), False
    for name in _NESTING_FOREIGN:
        yield _attribute(found, name), True
    if isinstance(
        found, io.BufferedRWPair
    ):  # makefile("rwb"), which has no attribute for its halves
        for half in gc.get_referents(found):
            yield half, False


def _attribute(found: Any, name: str) -> object:
    try:
        return getattr(found, name, None)
    except Exception:  # noqa: BLE001 - the property of another library may raise anything
        return None


def _is_like_a_socket(found: Any) -> bool:
    """Return True for objects such as asyncio's TransportSocket."""
    return hasattr(found, "getsockname") and _fileno(found) is not None


def _has_socket_descriptor(found: Any) -> bool:
    number = _fileno(found)
    try:
        return number is not None and stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False


def _fileno(found: Any) -> int | None:
    try:
        number = found.fileno()
    except Exception:  # noqa: BLE001 - the method of another library may raise anything
        return None
    return number if type(number) is int else None


def _address(sockaddr: Any) -> Address:
    host, port = sockaddr[:2]
    return (plain_host(host) if host[:1] == ":" else host, port)


def _remote_in_handshake(sock: socket.SocketType) -> Address:
    """Ask the kernel's list, since a socket that is still connecting has no peer's name yet."""
    if _ON_LINUX:
        wanted = tcp.cookie(sock)
        with Diag() as diag:
            for entry in diag.dump([State.SYN_SENT, State.SYN_RECEIVED]):
                if entry.cookie == wanted:
                    return entry.remote
    raise ConnectionNotFound("the socket is not connected, or not any more")
