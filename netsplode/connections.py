"""List the TCP connections of this host, and read addresses as people write them."""

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
    MissingCapability,
    TechniqueUnavailable,
    UnsupportedConnection,
)
from netsplode.kernel.diag import ALIVE, Diag, Entry
from netsplode.kernel.namespaces import Network, network_of, run_in
from netsplode.kernel.processes import descriptors_of, holders
from netsplode.kernel.tcp import State
from netsplode.privileges import missing_capability
from netsplode.result import Address, Attempt, format_address

AddressLike = tuple[str | None, int | None] | str | int


@dataclass(frozen=True, slots=True)
class AddressPattern:
    """An address to look for.

    No hosts stand for any host, the port None for any port, and the interface 0 for any interface.
    """

    hosts: frozenset[str]
    port: int | None
    interface: int = 0

    @property
    def end(self) -> Address | None:
        """The only address that fits; None if several do."""
        if self.port is None or len(self.hosts) != 1:
            return None
        (host,) = self.hosts
        return host, self.port

    def fits(self, address: Address, interface: int = 0) -> bool:
        """Return True if the address fits; ``interface`` is that of the socket, if it is bound to one."""
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
    """List the TCP connections of this network namespace, or of a process that is in another one.

    Args:
        local: only connections with this own end: ``(host, port)``, either of them None, ``"host:port"``
            or a port.
        remote: only connections with this peer, written in the same ways.
        pid: only connections that this process holds.
        state: only connections in this state, by its name in `netsplode.kernel.tcp.State`; None for every
            state except LISTEN.

    Raises:
        MissingCapability: this process may not look into the other one, or enter its network namespace.
        ConnectionNotFound: there is no such process.
    """
    _need_linux("find_connections")
    wanted_states = _states(state)
    here, there = (None if a is None else parse_address(a) for a in (local, remote))
    found: list[tuple[Entry, Network | None]] = []
    for network in [None] if pid is None else _networks_of(pid):
        with _open_diag(network) as diag:
            entries = diag.dump(wanted_states)
        found += [(entry, network) for entry in entries if _fits(entry, here, there)]
    inodes = {entry.inode for entry, _ in found if entry.inode}
    owners = holders(inodes, None if pid is None else [pid])
    connections = [connection_of(entry, owners, network) for entry, network in found]
    if pid is not None:
        connections = [c for c in connections if c.pid is not None]
    return sorted(connections, key=lambda c: (c.local, c.remote))


def _networks_of(pid: int) -> list[Network | None]:
    """List this thread's network and that of the process, which may hold sockets of both."""
    try:
        descriptors_of(pid)
        network = network_of(pid)
        return [None] if network is None else [None, network]
    except PermissionError as error:
        raise missing_capability(
            f"no permission to look into process {pid}", "CAP_SYS_PTRACE"
        ) from error
    except OSError as error:
        raise ConnectionNotFound(f"there is no process {pid}") from error


def find_one(local: AddressLike, remote: AddressLike | None) -> Entry:
    """Find the one live connection between these addresses, or with an end at the one that is given.

    On one host the kernel lists both ends. Which one is named first does not matter: the result is the
    end with the higher `rank`.

    Raises:
        ConnectionNotFound: there is none in this network namespace.
        AmbiguousConnection: there are several.
    """
    _need_linux("resetting by address")
    here = parse_address(local)
    there = None if remote is None else parse_address(remote)
    with _open_diag() as diag:
        if there is not None and (exact := _exact(diag, here, there)):
            return max(exact, key=rank)
        entries = diag.dump(ALIVE)  # sockets in TIME-WAIT may be many
    found = [e for e in entries if _fits(e, here, there) or _fits(e, there, here)]
    pairs = {frozenset((entry.local, entry.remote)) for entry in found}
    # Link-local addresses may be the same on each link.
    twins = len(found) - len({(entry.local, entry.remote) for entry in found})
    if not found:
        ends = " and ".join(_described(a) for a in (local, remote) if a is not None)
        raise ConnectionNotFound(
            f"no TCP connection that ends in this network namespace has {ends}; "
            "to reset one that this host only forwards, give both ends and forwarded=True"
        )
    if len(pairs) > 1 or twins:
        owners = holders({entry.inode for entry in found if entry.inode})
        candidates = [connection_of(entry, owners) for entry in found]
        listed = ", ".join(map(str, candidates[:8]))
        raise AmbiguousConnection(
            f"{len(pairs) + twins} connections match, give both ends: {listed}", candidates
        )
    return max(sorted(found, key=lambda entry: not _fits(entry, here, there)), key=rank)


def rank(entry: Entry) -> tuple[bool, bool]:
    """Rank an end of a connection by how well it can be acted on; `max` takes the first of equals.

    Any end that a process holds is better than an orphan, which sends no RST when the kernel destroys it.
    Users may only borrow the sockets of their own processes.
    """
    return entry.inode != 0, os.geteuid() in (0, entry.uid)


def _open_diag(network: Network | None = None) -> Diag:
    try:
        return run_in(network, Diag)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        if network is not None and isinstance(error, FileNotFoundError):
            raise ConnectionNotFound(f"process {network.pid} has ended") from error
        if network is not None and isinstance(error, PermissionError):
            raise MissingCapability(
                f"process {network.pid} is in a network namespace that this process may not enter",
                {"CAP_SYS_ADMIN"},
                f"run netsplode there, as in `nsenter -t {network.pid} -n netsplode list`, or as root",
            ) from error
        raise TechniqueUnavailable(
            "this process may not ask for the kernel's list of connections: give the object that holds the "
            "connection",
            [Attempt("find", str(error))],
        ) from error


def _exact(diag: Diag, here: AddressPattern, there: AddressPattern) -> list[Entry]:
    """Look up both ends of a connection that is named in full, which is quicker than the whole list."""
    first, second = here.end, there.end
    if first is None or second is None or (":" in first[0]) != (":" in second[0]):
        return []
    interface = here.interface or there.interface
    found = (diag.get(*pair, interface=interface) for pair in ((first, second), (second, first)))
    return [entry for entry in found if entry is not None]


def exact_address(address: AddressLike) -> Address:
    """Read an address that names exactly one end of a connection.

    Raises:
        UnsupportedConnection: the address leaves the host or the port open, or its name has several addresses.
        ConnectionNotFound: the name of the host is unknown.
    """
    end = parse_address(address).end
    if end is None:
        raise UnsupportedConnection(f"{address!r} does not name one end: give (IP address, port)")
    return end


def parse_address(address: AddressLike) -> AddressPattern:
    """Read an address as people write it, and look up the name of its host.

    Raises:
        UnsupportedConnection: this is no address.
        ConnectionNotFound: the name of the host is unknown.
    """
    host, port = check_address(address)
    if host is None or host in ("", "*"):
        return AddressPattern(frozenset(), port)
    host, _, zone = host.partition("%")
    interface = _interface(zone) if zone else _scope(address)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectionNotFound(f"{host!r} is no address of any host: {error}") from error
    hosts = (str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found)
    return AddressPattern(frozenset(unmap_host(found) for found in hosts), port, interface)


def _interface(zone: str) -> int:
    try:
        return int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except OSError as error:
        raise ConnectionNotFound(f"there is no interface {zone!r}") from error


def _scope(address: AddressLike) -> int:
    """Return the interface's index in an IPv6 address from getsockname(); 0 if it names none."""
    return int(address[3]) if isinstance(address, tuple) and len(address) == 4 else 0


def check_address(address: AddressLike) -> tuple[str | None, int | None]:
    """Split an address into its host and port, without looking up a name.

    Raises:
        UnsupportedConnection: this is no address.
    """
    host, port = _split(address)
    if port is not None and not 0 < port < 65536:
        raise UnsupportedConnection(f"{address!r} has no port between 1 and 65535")
    return host, port


def unmap_host(host: str) -> str:
    """Shorten an IPv4 address that is mapped into IPv6."""
    return host[7:] if host.startswith("::ffff:") and "." in host else host


def is_address(target: object) -> TypeGuard[tuple[str | None, int | None] | str]:
    """Return True if this is written as an address, and so is no object that holds a connection."""
    if isinstance(target, str):
        return True
    return (
        isinstance(target, tuple)
        and len(target) in (2, 4)  # getsockname() returns four for IPv6
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
    return format_address((host or "*", port or 0))


def _states(name: str | None) -> Collection[State]:
    if name is None:
        return frozenset(State) - {State.LISTEN}
    try:
        return [State[str(name).upper().replace("-", "_")]]
    except KeyError:
        known = ", ".join(state.name.lower() for state in State)
        raise ValueError(f"{name!r} is no state of TCP; the states are {known}") from None


def _fits(entry: Entry, local: AddressPattern | None, remote: AddressPattern | None) -> bool:
    return (local is None or local.fits(entry.local, entry.interface)) and (
        remote is None or remote.fits(entry.remote, entry.interface)
    )


def _need_linux(what: str) -> None:
    if sys.platform != "linux":
        raise TechniqueUnavailable(
            f"{what} needs Linux's sock_diag: give the object that holds the connection",
            [Attempt("find", f"{sys.platform} ({os.name}) has no sock_diag")],
        )
