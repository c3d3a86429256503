"""Listening sockets: the addresses of a host, binding, and what accepted sockets inherit."""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import suppress

from hamms_trio.errors import PortUnavailable

BACKLOG = 4096  # Linux's net.core.somaxconn since 5.4
# SO_SNDBUF for a door with large bodies. Without a limit, each client that never reads costs megabytes of kernel
# memory. The kernel doubles this number.
LARGE_BODY_SEND_BUFFER = 128 * 1024
KEEPALIVE_IDLE = 30  # seconds of silence before the kernel's first keep-alive probe
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
    return open_port_on(
        resolve(host), port, listens=True, purpose=purpose, option=option, send_buffer=send_buffer
    )


def open_port_on(
    addresses: list[tuple[int, str]],
    port: int,
    *,
    listens: bool,
    purpose: str,
    option: str,
    send_buffer: int | None = None,
) -> tuple[int, tuple[socket.socket, ...]]:
    for attempt in range(1, ATTEMPTS + 1):
        sockets: list[socket.socket] = []
        chosen = port
        try:
            for family, address in addresses:
                sockets.append(_bind(family, address, chosen, listens=listens))
                if send_buffer is not None:  # accepted sockets inherit it
                    sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
                chosen = sockets[0].getsockname()[1]
            return chosen, tuple(sockets)
        except OSError as error:
            for sock in sockets:
                sock.close()
            taken = error.errno == errno.EADDRINUSE
            if port or not taken or attempt == ATTEMPTS:
                raise _unavailable(purpose, option, address, chosen, error) from None
    raise AssertionError("unreachable")


def _bind(family: int, address: str, port: int, *, listens: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:  # "::" accepts IPv4 clients too, any other address only IPv6
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
        if not listens:
            # No SO_REUSEADDR: two sockets that have it and do not listen may share a port.
            sock.bind((address, port))
            return sock
        if sys.platform != "win32":  # on Windows, the option lets others steal the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit all of this on Linux.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        if address == "::1" or address.startswith("127."):
            _disable_pacing(sock)
        sock.bind((address, port))
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


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
