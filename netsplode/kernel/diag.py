"""Ask Linux for its TCP sockets, and let it destroy one (sock_diag(7)).

Why this is hard: a look-up that finds no connection falls back to the *listener* of the port, and a request
to destroy by addresses alone would destroy that listener. So a look-up compares the reply with the request,
and `destroy` only takes an entry that a look-up returned, and sends the cookie of that very socket.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netsplode.kernel.tcp import State
from netsplode.result import Address

_SOCK_DIAG_BY_FAMILY, _SOCK_DESTROY = 20, 21  # linux/sock_diag.h
_NLMSG_ERROR, _NLMSG_DONE = 2, 3  # linux/netlink.h
_REQUEST, _ACK, _DUMP, _MULTI = 1, 4, 0x300, 2
_NETLINK_SOCK_DIAG = 4
_INET_DIAG_CGROUP_ID = 21  # linux/inet_diag.h
_NO_COOKIE = b"\xff" * 8
_MAPPED = bytes(10) + b"\xff\xff"  # IPv4 in IPv6 (RFC 4291 §2.5.5.2)
_CONNECTIONS = frozenset(State) - {State.LISTEN, State.CLOSED, State.NEW_SYN_RECEIVED}
ALIVE = _CONNECTIONS - {State.TIME_WAIT}
_RECEIVE_OCTETS = 1 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One TCP socket as the kernel lists it; ``local`` is its own end.

    Attributes:
        cookie: a number that no other socket of this host has until it restarts.
        inode: the inode of the socket's file; 0 for an orphan, which no process holds any more.
        key: the inet_diag_sockid that names the socket, with its cookie.
        attributes: more about the socket, as the kernel encodes it.
        timer: 1 until all that the socket has sent is acknowledged, 2 while it waits to send a keep-alive.
    """

    state: State
    local: Address
    remote: Address
    cookie: int
    uid: int
    inode: int
    key: bytes
    family: int
    attributes: bytes = b""
    timer: int = 0

    @property
    def cgroup(self) -> int:
        """The id of the control group in which the socket was made; 0 if the kernel does not tell (5.8)."""
        at = 0
        while at + 4 <= len(self.attributes):
            length, kind = struct.unpack_from("=HH", self.attributes, at)
            if kind == _INET_DIAG_CGROUP_ID:
                return int.from_bytes(self.attributes[at + 4 : at + 12], sys.byteorder)
            at += max(4, (length + 3) & ~3)
        return 0

    @property
    def is_connection(self) -> bool:
        """True if the socket is one end of a connection, and no listener."""
        return self.state in _CONNECTIONS

    @property
    def interface(self) -> int:
        """The index of the interface that the socket is bound to; 0 if it is bound to none."""
        return int.from_bytes(self.key[36:40], sys.byteorder)


class Diag:
    """A netlink socket for questions; close it, or use it in a ``with``."""

    def __init__(self) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.SocketType(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG)
        self._sequence = 0

    def close(self) -> None:
        """Close the netlink socket."""
        self._socket.close()

    def __enter__(self) -> Diag:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def dump(self, states: Iterable[State]) -> list[Entry]:
        """List every TCP socket of this network namespace in one of these states, IPv4 and IPv6."""
        wanted = sum(1 << state for state in states)
        found: list[Entry] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            self._ask(_SOCK_DIAG_BY_FAMILY, _DUMP, family, bytes(48), wanted)
            try:
                found.extend(map(_entry, self._replies()))
            except FileNotFoundError:  # this kernel has no IPv6
                continue
        return found

    def get(self, local: Address, remote: Address, *, interface: int = 0) -> Entry | None:
        """Look up the socket whose own end is ``local`` and whose peer is ``remote``.

        Args:
            local: the socket's own end, with a numeric address.
            remote: its peer.
            interface: the index of the interface of link-local addresses.
        """
        family, sockid = _sockid(local, remote, interface)
        self._ask(_SOCK_DIAG_BY_FAMILY, 0, family, sockid)
        try:
            found = [_entry(reply) for reply in self._replies()]
        except FileNotFoundError:
            return None
        for entry in found:
            if entry.is_connection and entry.local == local and entry.remote == remote:
                return entry
        return None

    def destroy(self, entry: Entry) -> None:
        """Abort the connection of this very socket.

        The socket fails with ECONNABORTED, and its peer receives an RST. An orphan in FIN-WAIT-2 or
        TIME-WAIT only disappears.

        Raises:
            PermissionError: CAP_NET_ADMIN is missing.
            FileNotFoundError: the socket is gone.
            OSError: EOPNOTSUPP, the kernel was built without this.
        """
        if not entry.is_connection:
            raise FileNotFoundError(errno.ENOENT, f"{entry.state.name} is no state of a connection")
        self._ask(_SOCK_DESTROY, _ACK, entry.family, entry.key)
        for _ in self._replies():
            pass

    def _ask(
        self, kind: int, flags: int, family: int, sockid: bytes, states: int = 0xFFFFFFFF
    ) -> None:
        self._sequence += 1
        request = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, states) + sockid
        length = 16 + len(request)
        head = struct.pack("=IHHII", length, kind, _REQUEST | flags, self._sequence, 0)
        self._socket.send(head + request)

    def _replies(self) -> Iterator[bytes]:
        while True:
            octets = self._socket.recv(_RECEIVE_OCTETS)
            at = 0
            while at < len(octets):
                length, kind, flags, _, _ = struct.unpack_from("=IHHII", octets, at)
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    (number,) = struct.unpack_from("=i", octets, at + 16)
                    if number:
                        raise OSError(-number, os.strerror(-number))
                    return
                yield octets[at + 16 : at + length]
                at += (length + 3) & ~3
                if not flags & _MULTI:
                    return


def _sockid(local: Address, remote: Address, interface: int) -> tuple[int, bytes]:
    """Return the family, and the inet_diag_sockid of any socket with these addresses."""
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    here, there = (socket.inet_pton(family, host) for host, _ in (local, remote))
    ports = struct.pack("!HH16s16s", local[1], remote[1], here, there)
    return family, ports + struct.pack("=I", interface) + _NO_COOKIE


def _entry(reply: bytes) -> Entry:
    """Parse an inet_diag_msg (linux/inet_diag.h)."""
    family, state = reply[0], reply[1]
    here, there = struct.unpack_from("!HH", reply, 4)
    low, high = struct.unpack_from("=II", reply, 44)
    uid, inode = struct.unpack_from("=II", reply, 64)
    return Entry(
        state=State(state),
        local=(_host(family, reply[8:24]), here),
        remote=(_host(family, reply[24:40]), there),
        cookie=low | high << 32,
        uid=uid,
        inode=inode,
        key=reply[4:52],
        family=family,
        attributes=reply[72:],
        timer=reply[2],
    )


def _host(family: int, octets: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, octets[:4])
    if octets.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, octets[12:])
    return socket.inet_ntop(socket.AF_INET6, octets)
