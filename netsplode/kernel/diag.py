"""Ask Linux for its TCP sockets, and have it destroy one (sock_diag(7)).

Why this is hard: a look-up that finds no connection falls back to the *listener* of the port, and to
destroy by addresses alone would destroy that. So look-ups compare what they were given, and `destroy`
only takes what a look-up has returned, with the cookie of that very socket in the request.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType

from netsplode.kernel.tcp import State
from netsplode.result import Address

_SOCK_DIAG_BY_FAMILY, _SOCK_DESTROY = 20, 21  # linux/sock_diag.h
_NLMSG_ERROR, _NLMSG_DONE = 2, 3  # linux/netlink.h
_REQUEST, _ACK, _DUMP, _MULTI = 1, 4, 0x300, 2
_NETLINK_SOCK_DIAG = 4
_NO_COOKIE = b"\xff" * 8
_MAPPED = bytes(10) + b"\xff\xff"  # IPv4 in IPv6 (RFC 4291 §2.5.5.2)
ALIVE = frozenset(State) - {State.LISTEN, State.CLOSED, State.TIME_WAIT, State.NEW_SYN_RECEIVED}
_RECEIVE_OCTETS = 1 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One TCP socket as the kernel lists it: ``local`` is its own end."""

    state: State
    local: Address
    remote: Address
    cookie: int
    uid: int
    inode: int
    key: bytes  # the inet_diag_sockid that names it, cookie included
    family: int

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE

    @property
    def interface(self) -> int:
        """The index of the interface that it is bound to, as those with link-local addresses are."""
        return int.from_bytes(self.key[36:40], sys.byteorder)


class Diag:
    """A netlink socket to ask with. Close it, or use it in a ``with``."""

    def __init__(self) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.SocketType(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG)
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Diag:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def dump(self, states: Iterable[State]) -> list[Entry]:
        """Every TCP socket of this network namespace in one of these states, IPv4 and IPv6."""
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
        """The live socket whose own end is ``local`` and whose peer is ``remote``, both numeric.

        Args:
            interface: the index of the interface of link-local addresses.
        """
        family, sockid = _sockid(local, remote, interface)
        self._ask(_SOCK_DIAG_BY_FAMILY, 0, family, sockid)
        try:
            found = [_entry(reply) for reply in self._replies()]
        except FileNotFoundError:
            return None
        for entry in found:
            if entry.is_alive and entry.local == local and entry.remote == remote:
                return entry
        return None

    def destroy(self, entry: Entry) -> None:
        """Abort the connection of this very socket: its own end gets ECONNABORTED, its peer an RST.

        Raises:
            PermissionError: CAP_NET_ADMIN is missing.
            FileNotFoundError: it is gone.
            OSError: EOPNOTSUPP, the kernel was built without this.
        """
        if not entry.is_alive:
            raise FileNotFoundError(errno.ENOENT, f"not a live connection but {entry.state.name}")
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
    """The family, and the inet_diag_sockid of any socket with these addresses."""
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    here, there = (socket.inet_pton(family, host) for host, _ in (local, remote))
    ports = struct.pack("!HH16s16s", local[1], remote[1], here, there)
    return family, ports + struct.pack("=I", interface) + _NO_COOKIE


def _entry(reply: bytes) -> Entry:
    """Of an inet_diag_msg (linux/inet_diag.h)."""
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
    )


def _host(family: int, octets: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, octets[:4])
    if octets.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, octets[12:])
    return socket.inet_ntop(socket.AF_INET6, octets)
