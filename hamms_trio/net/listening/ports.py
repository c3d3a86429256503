"""Listening sockets: the addresses of a host, binding, and what accepted sockets inherit."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from array import array
from contextlib import suppress

from hamms_trio.errors import PortKindUnavailable, PortUnavailable
from hamms_trio.net.listening.port_kind import (
    LARGE_BODY_SEND_BUFFER as LARGE_BODY_SEND_BUFFER,
    PortKind,
    Reach,
)

BACKLOG = 4096  # Linux's net.core.somaxconn since 5.4
KEEPALIVE_IDLE = 30  # seconds of silence before the kernel's first keep-alive probe
SO_ATTACH_FILTER = 26  # of Linux; Python has no name for it
BPF_RET = 0x06  # "return this many octets", of which there are none
ATTEMPTS = 20  # to find a port that is free on every address


def resolve(host: str) -> list[tuple[int, str]]:
    """Resolve a host to those of its addresses that this machine has, each with its family."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _no_address(host, error.strerror or str(error)) from None
    except UnicodeError:
        raise _no_address(host, "no host has this name") from None
    addresses = dict.fromkeys((family, str(where[0])) for family, _, _, _, where in found)
    usable: list[tuple[int, str]] = [address for address in addresses if _is_ours(*address)]
    if not usable:
        raise _no_address(host, "it is not an address of this machine")
    return usable


def _is_ours(family: int, address: str) -> bool:
    """Return True if this machine has the address: "localhost" may mean ::1 on one without IPv6."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True


def _no_address(host: str, problem: str) -> PortUnavailable:
    return PortUnavailable(
        f"can't listen on host {host!r}: {problem}; give an address of this machine, such as "
        "127.0.0.1, or 0.0.0.0 for all"
    )


def open_port(
    host: str, port: int, *, purpose: str, option: str, send_buffer: int | None = None
) -> tuple[int, tuple[socket.socket, ...]]:
    """Listen on one port of each of the host's addresses; on a free one if ``port`` is 0.

    Args:
        host: name or address.
        port: number, or 0.
        purpose: the port's use, for the error message.
        option: the option that chooses the port, for the error message.
        send_buffer: SO_SNDBUF of each accepted connection, such as `LARGE_BODY_SEND_BUFFER`; None for the
            system's own, which grows.

    Raises:
        PortUnavailable: the port can't be bound, or the host has no address here; nothing is left open.
    """
    kind = PortKind(send_buffer=send_buffer)
    return open_port_on(resolve(host), port, kind=kind, purpose=purpose, option=option)


def open_port_on(
    addresses: list[tuple[int, str]], port: int, *, kind: PortKind, purpose: str, option: str
) -> tuple[int, tuple[socket.socket, ...]]:
    """Hold one port of each of these addresses as ``kind`` says.

    Raises:
        PortUnavailable: it could not be bound.
        PortKindUnavailable: this system has no such port.
    """
    if kind.reach is Reach.IPV4_ONLY:
        addresses = _both_families_of(addresses)
    for attempt in range(1, ATTEMPTS + 1):
        sockets: list[socket.socket] = []
        chosen = port
        try:
            for family, address in addresses:
                sockets.append(_hold(family, address, chosen, kind))
                chosen = sockets[0].getsockname()[1]
            return chosen, tuple(sockets)
        except OSError as error:
            for sock in sockets:
                sock.close()
            if isinstance(error, PortUnavailable):
                raise
            taken = error.errno == errno.EADDRINUSE
            if port or not taken or attempt == ATTEMPTS:
                raise _unavailable(purpose, option, address, chosen, error) from None
    raise AssertionError("unreachable")


def close_for_a_while(sock: socket.socket, kind: PortKind) -> socket.socket:
    """Close a socket that listens, and return one that reserves its port; `listen` opens the port again.

    Raises:
        OSError: another process has taken the port; nothing is left open.
    """
    family, (address, port) = sock.family, sock.getsockname()[:2]
    sock.close()
    return _bind(family, address, port, kind)


def listen(sock: socket.socket) -> None:
    """Accept connections from now on."""
    sock.listen(BACKLOG)


def _hold(family: int, address: str, port: int, kind: PortKind) -> socket.socket:
    sock = _bind(family, address, port, kind)
    try:
        if kind.reach is Reach.BLACKHOLE or (
            kind.reach is Reach.IPV4_ONLY and family == socket.AF_INET6
        ):
            _drop_all(sock)
        if kind.reach is not Reach.REFUSED and not kind.refuses:
            listen(sock)
    except BaseException:  # raised again; even an interrupt leaves no port bound
        sock.close()
        raise
    return sock


class _PortSocket(socket.socket):
    """A socket that keeps its family and type.

    `accept` reads both for each connection, and each time the base class makes members of enumerations out of two
    numbers: together that takes a microsecond, a quarter of an accept.
    """

    __slots__ = ("family", "type")

    family: socket.AddressFamily
    type: socket.SocketKind

    def __init__(self, family: int, kind: int, proto: int = -1, fileno: int | None = None) -> None:
        super().__init__(family, kind, proto, fileno)
        self.family = socket.AddressFamily(family)
        self.type = socket.SocketKind(kind)


def _bind(family: int, address: str, port: int, kind: PortKind) -> socket.socket:
    sock = _PortSocket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:  # "::" accepts IPv4 clients too, any other address only IPv6
            only = address != "::" or kind.reach is Reach.IPV4_ONLY
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        # Not for one that never listens: two sockets that have it and do not listen may share a port. Nor on
        # Windows, where the option lets others steal the port.
        if kind.reach is not Reach.REFUSED and sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if kind.reach is not Reach.REFUSED:
            _set_options(sock, address, kind)
        sock.bind((address, port))
    except BaseException:  # raised again; even an interrupt leaves no port bound
        sock.close()
        raise
    return sock


def _set_options(sock: socket.socket, address: str, kind: PortKind) -> None:
    """Set what accepted sockets inherit on Linux."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
    if _is_loopback(address):
        _disable_pacing(sock)
    if kind.send_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, kind.send_buffer)
    if kind.receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, kind.receive_buffer)


def _drop_all(sock: socket.socket) -> None:
    """Make the kernel drop each segment that is meant for this socket, so that no SYN is ever answered.

    A socket filter that accepts nothing does this for a listening socket, without privileges. A full backlog would
    do, too, but its connections would have to be watched.

    Raises:
        PortKindUnavailable: the kernel does not support such a filter.
    """
    if sys.platform != "linux":
        raise PortKindUnavailable("only Linux can leave a SYN without an answer")
    instruction = array("B", struct.pack("HBBI", BPF_RET, 0, 0, 0))
    program = struct.pack("HP", 1, instruction.buffer_info()[0])  # struct sock_fprog
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise PortKindUnavailable(
            f"this kernel can't drop a SYN (SO_ATTACH_FILTER: {why})"
        ) from None


def _both_families_of(addresses: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return these addresses, and those of the other family that are reached under the same name.

    Raises:
        PortKindUnavailable: there is none.
    """
    found = [*addresses]
    for v6, v4 in (("::1", "127.0.0.1"), ("::", "0.0.0.0")):
        if any(address in (v6, v4) for _, address in addresses):
            found += [(socket.AF_INET6, v6), (socket.AF_INET, v4)]
    usable = [address for address in dict.fromkeys(found) if _is_ours(*address)]
    if {family for family, _ in usable} != {socket.AF_INET, socket.AF_INET6}:
        raise PortKindUnavailable("the host needs an address of IPv4 and one of IPv6")
    return usable


def _is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith("127.")


def _disable_pacing(sock: socket.socket) -> None:
    """Choose a congestion control that does not pace, for connections on loopback.

    BBR, which many systems choose, paces octets by a timer: a mode's octets would come later than declared, and a
    file of 1 MiB would take twice the time.
    """
    if hasattr(socket, "TCP_CONGESTION"):
        with suppress(OSError):  # not in every kernel
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")


def _unavailable(
    purpose: str, option: str, address: str, port: int, error: OSError
) -> PortUnavailable:
    if error.errno == errno.EADDRINUSE:
        remedy = (
            "is taken, by another program or by connections that ended in the last minute: stop it, "
            f"wait, or choose another with {option} (0 takes a free one)"
        )
    elif error.errno in (errno.EACCES, errno.EPERM):
        remedy = f"may not be used by this user: choose 1024 or above with {option}"
    else:
        remedy = f"can't be used: {os.strerror(error.errno or 0)}"
    where = f"[{address}]" if ":" in address else address
    return PortUnavailable(f"port {port} on {where}, for {purpose}, {remedy}")
