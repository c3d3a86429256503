"""The TCP connections of this host, and addresses as people write them."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeGuard

from netsplode.connection import Connection, connection_of
from netsplode.errors import (
    AmbiguousConnection,
    ConnectionNotFound,
    TechniqueUnavailable,
    UnsupportedConnection,
)
from netsplode.kernel.diag import ALIVE, Diag, Entry
from netsplode.kernel.processes import descriptors_of, holders
from netsplode.kernel.tcp import State
from netsplode.privileges import missing_capability
from netsplode.result import Address, Attempt, written

AddressLike = tuple[str | None, int | None] | str | int


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address to look for: any host if there are none, any port if that is None, any interface if that is 0."""

    hosts: frozenset[str]
    port: int | None
    interface: int = 0

    @property
    def end(self) -> Address | None:
        """The one address that fits, or None if others would."""
        if self.port is None or len(self.hosts) != 1:
            return None
        (host,) = self.hosts
        return host, self.port

    def fits(self, address: Address, interface: int = 0) -> bool:
        """Whether this is one; ``interface`` is the socket's, if it is bound to one."""
        host, port = address
        if self.interface and interface and self.interface != interface:
            return False
        return (self.port is None or self.port == port) and (not self.hosts or host in self.hosts)


def find_connections(
    local: AddressLike | None = None,
    remote: AddressLike | None = None,
    pid: int | None = None,
    state: str | None = "established",
) -> list[Connection]:
    """The TCP connections of this network namespace, ends of other processes included.

    Args:
        local: only with this own end: ``(host, port)``, either of them None, ``"host:port"`` or a port.
        remote: only with this peer, written in the same ways.
        pid: only those that this process holds.
        state: only in this state, as `netsplode.kernel.tcp.State` names it; None for all but listeners.

    Raises:
        MissingCapability: the process is another user's, and this one may not look into it.
        ConnectionNotFound: there is no such process.
    """
    _need_linux("find_connections")
    if pid is not None:
        _check_process(pid)
    here, there = (None if a is None else wanted(a) for a in (local, remote))
    with _asked() as diag:
        found = [entry for entry in diag.dump(_states(state)) if _fits(entry, here, there)]
    owners = holders({e.inode for e in found if e.inode}, None if pid is None else [pid])
    connections = [connection_of(entry, owners) for entry in found]
    if pid is not None:
        connections = [c for c in connections if c.pid is not None]
    return sorted(connections, key=lambda c: (c.local, c.remote))


def _check_process(pid: int) -> None:
    try:
        descriptors_of(pid)
    except PermissionError as error:
        raise missing_capability(
            f"process {pid} may not be looked into", "CAP_SYS_PTRACE"
        ) from error
    except OSError as error:
        raise ConnectionNotFound(f"there is no process {pid}") from error


def find_one(local: AddressLike, remote: AddressLike | None) -> Entry:
    """The one live connection between these addresses, or with an end at the one that is given.

    Raises:
        ConnectionNotFound: there is none in this network namespace.
        AmbiguousConnection: there are several.
    """
    _need_linux("resetting by address")
    here = wanted(local)
    there = None if remote is None else wanted(remote)
    with _asked() as diag:
        if there is not None and (exact := _exact(diag, here, there)):
            return exact
        entries = diag.dump(ALIVE)  # TIME-WAITs may be many
    found = [entry for entry in entries if _fits(entry, here, there)]
    # Whoever names one address may mean either end; on one host, both ends are listed.
    known = {frozenset((entry.local, entry.remote)) for entry in found}
    found += [
        entry
        for entry in entries
        if frozenset((entry.local, entry.remote)) not in known and _fits(entry, there, here)
    ]
    # Link-local addresses may be the same on each link.
    known = {frozenset((entry.local, entry.remote)) for entry in found}
    twins = len(found) - len({(entry.local, entry.remote) for entry in found})
    if not found:
        ends = " and ".join(_described(a) for a in (local, remote) if a is not None)
        raise ConnectionNotFound(
            f"no TCP connection that ends in this network namespace has {ends}; "
            "one that it merely forwards takes both ends and forwarded=True"
        )
    if len(known) > 1 or twins:
        owners = holders({entry.inode for entry in found if entry.inode})
        candidates = [connection_of(entry, owners) for entry in found]
        listed = ", ".join(map(str, candidates[:8]))
        raise AmbiguousConnection(
            f"{len(known) + twins} connections match, give both ends: {listed}", candidates
        )
    return found[0]


def _asked() -> Diag:
    try:
        return Diag()
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        raise TechniqueUnavailable(
            "the kernel's list of connections may not be asked for: give the object that holds the connection",
            [Attempt("find", str(error))],
        ) from error


def _exact(diag: Diag, here: Wanted, there: Wanted) -> Entry | None:
    """The connection between two ends that are named in full; the kernel need not list all for that."""
    ends = here.end, there.end
    if ends[0] is None or ends[1] is None or (":" in ends[0][0]) != (":" in ends[1][0]):
        return None
    interface = here.interface or there.interface
    return diag.get(ends[0], ends[1], interface=interface) or diag.get(
        ends[1], ends[0], interface=interface
    )


def one_address(address: AddressLike) -> Address:
    """The very end of a connection that an address names.

    Raises:
        UnsupportedConnection: it leaves the host or the port open, or its name has several addresses.
        ConnectionNotFound: the host's name is not known.
    """
    end = wanted(address).end
    if end is None:
        raise UnsupportedConnection(f"{address!r} does not name one end: give (IP address, port)")
    return end


def wanted(address: AddressLike) -> Wanted:
    """What an address as people write it stands for. A host's name is looked up.

    Raises:
        UnsupportedConnection: it is no address.
        ConnectionNotFound: the host's name is not known.
    """
    host, port = check_address(address)
    if host is None or host in ("", "*"):
        return Wanted(frozenset(), port)
    host, _, zone = host.partition("%")
    interface = _interface(zone) if zone else _scope(address)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectionNotFound(f"{host!r} is no address of any host: {error}") from error
    hosts = (str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found)
    return Wanted(frozenset(plain_host(found) for found in hosts), port, interface)


def _interface(zone: str) -> int:
    try:
        return int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except OSError as error:
        raise ConnectionNotFound(f"there is no interface {zone!r}") from error


def _scope(address: AddressLike) -> int:
    """That of an IPv6 address as getsockname() returns it."""
    return int(address[3]) if isinstance(address, tuple) and len(address) == 4 else 0


def check_address(address: AddressLike) -> tuple[str | None, int | None]:
    """The host and port of an address as it is written; no name is looked up.

    Raises:
        UnsupportedConnection: it is no address.
    """
    host, port = _split(address)
    if port is not None and not 0 < port < 65536:
        raise UnsupportedConnection(f"{address!r} has no port between 1 and 65535")
    return host, port


def plain_host(host: str) -> str:
    """A host's address in its shortest form: IPv4 is not mapped into IPv6."""
    return host[7:] if host.startswith("::ffff:") and "." in host else host


def is_address(target: object) -> TypeGuard[tuple[str | None, int | None] | str]:
    """Whether this is written as an address, and so is no object that holds a connection."""
    if isinstance(target, str):
        return True
    return (
        isinstance(target, tuple)
        and len(target) in (2, 4)  # what getsockname() returns for IPv6 has four
        and (target[0] is None or isinstance(target[0], str))
        and (target[1] is None or type(target[1]) is int)
    )


def _split(address: AddressLike) -> tuple[str | None, int | None]:
    if isinstance(address, int):
        return None, address
    if is_address(address) and not isinstance(address, str):
        return address[0], address[1]
    if isinstance(address, str):
        host, colon, port = address.rpartition(":")
        if colon and port.isascii() and port.isdigit() and (":" not in host or host[:1] == "["):
            return host.strip("[]"), int(port)
    raise UnsupportedConnection(
        f"{address!r} is no address: write ('127.0.0.1', 5432), '127.0.0.1:5432' or '[::1]:5432'"
    )


def _described(address: AddressLike) -> str:
    host, port = _split(address)
    return written((host or "*", port or 0))


def _states(name: str | None) -> Collection[State]:
    if name is None:
        return frozenset(State) - {State.LISTEN}
    try:
        return [State[str(name).upper().replace("-", "_")]]
    except KeyError:
        known = ", ".join(state.name.lower() for state in State)
        raise ValueError(f"{name!r} is no state of TCP: {known}") from None


def _fits(entry: Entry, local: Wanted | None, remote: Wanted | None) -> bool:
    return (local is None or local.fits(entry.local, entry.interface)) and (
        remote is None or remote.fits(entry.remote, entry.interface)
    )


def _need_linux(what: str) -> None:
    if sys.platform != "linux":
        raise TechniqueUnavailable(
            f"{what} needs Linux's sock_diag: give the object that holds the connection",
            [Attempt("find", f"{sys.platform} ({os.name}) has no sock_diag")],
        )
