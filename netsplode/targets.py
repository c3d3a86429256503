"""The ends of TCP connections that can be reset, pinned so that no other connection takes their place."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from netsplode.connection import Connection
from netsplode.connections import unmap_host
from netsplode.errors import ConnectionNotFound, UnsupportedConnection
from netsplode.kernel import tcp
from netsplode.kernel.diag import Diag, Entry
from netsplode.kernel.namespaces import Network, run_in
from netsplode.kernel.tcp import State
from netsplode.privileges import has_capability
from netsplode.result import Address
from netsplode.unwrap import Holder, unwrap

T = TypeVar("T")

_GONE = frozenset((State.CLOSED, State.TIME_WAIT))
_ON_LINUX = sys.platform == "linux"
_SOCKET = socket.SocketType  # the base class of socket.socket costs half as much to make


@dataclass(slots=True)
class Target:
    """One end of a TCP connection; close it after use.

    A connection of this process has a ``sock``: a duplicate of our own, which cannot become another socket.
    A connection of another process has an ``entry`` of the kernel's list. A forwarded one has neither.

    Attributes:
        interface: the index of the interface of a link-local address.
        network: the network namespace of another process; None if it is this thread's.
        pid: a process that held the connection when it was listed; None if that is not known.
    """

    local: Address
    remote: Address
    holder: Holder = Holder.OTHER
    owner: object = None
    sock: socket.SocketType | None = None
    entry: Entry | None = None
    interface: int = 0
    network: Network | None = None
    pid: int | None = None

    @property
    def is_forwarded(self) -> bool:
        """True if this host does not end the connection."""
        return self.sock is None and self.entry is None

    @property
    def is_in_other_network(self) -> bool:
        """True if the socket is in a network namespace that can't be entered from here."""
        if self.sock is None or self.network is not None or not _ON_LINUX:
            return False
        return tcp.is_in_other_network(self.sock)

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


def target_of_object(target: object) -> Target:
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
    except BaseException:  # raised again; even an interrupt leaves no socket open
        sock.close()
        raise
    return Target(local, remote, holder, owner, sock, interface=name[3] if len(name) > 3 else 0)


def target_of_entry(entry: Entry, network: Network | None = None) -> Target:
    """Make a target of an entry of the kernel's list."""
    return Target(
        entry.local, entry.remote, entry=entry, interface=entry.interface, network=network
    )


def target_of_connection(connection: Connection) -> Target:
    """Make a target of a connection that `find_connections` returned.

    Raises:
        UnsupportedConnection: the connection was made by hand.
    """
    if connection.entry is None:
        raise UnsupportedConnection(f"{connection} is not from find_connections")
    target = target_of_entry(connection.entry, connection.network)
    target.pid = connection.pid
    return target


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


def _address(sockaddr: Any) -> Address:
    host, port = sockaddr[:2]
    return (unmap_host(host) if host[:1] == ":" else host, port)


def _remote_in_handshake(sock: socket.SocketType) -> Address:
    """Ask the kernel's list, since a socket that is still connecting has no peer's name yet."""
    if _ON_LINUX:
        wanted = tcp.cookie(sock)
        with Diag() as diag:
            for entry in diag.dump([State.SYN_SENT, State.SYN_RECEIVED]):
                if entry.cookie == wanted:
                    return entry.remote
    raise ConnectionNotFound("the socket is not connected, or not any more")
