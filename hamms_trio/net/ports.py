"""Listening sockets: the addresses of a host, binding, and what accepted sockets inherit."""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import suppress

from hamms_trio.errors import PortUnavailable

BACKLOG = 4096  # Linux's net.core.somaxconn since 5.4
# SO_SNDBUF for a door whose bodies are large: without it, each client that never reads costs megabytes of kernel
# memory. The kernel doubles it.
LARGE_BODY_SEND_BUFFER = 128 * 1024
KEEPALIVE_IDLE = 30  # seconds after which the kernel asks whether a silent client still exists
ATTEMPTS = 20  # at finding a free port that is free on every address


def resolve(host: str) -> list[tuple[int, str]]:
    """Family and numeric address of each of the host's addresses that this machine has."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _no_address(host, error.strerror or str(error)) from None
    except UnicodeError:
        raise _no_address(host, "no host is called so") from None
    addresses = dict.fromkeys((family, str(where[0])) for family, _, _, _, where in found)
    usable: list[tuple[int, str]] = [address for address in addresses if _is_ours(*address)]
    if not usable:
        raise _no_address(host, "it is not an address of this machine")
    return usable


def _is_ours(family: int, address: str) -> bool:
    """Whether it can be listened on: "localhost" may mean ::1 on a machine without IPv6."""
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
    """Listen on one port of each of the host's addresses; on a free one if that is 0.

    Args:
        purpose, option: what the port is for, and what chooses it, for the error's message.
        send_buffer: SO_SNDBUF of each accepted connection, such as `LARGE_BODY_SEND_BUFFER`; None for the
            system's own, which grows.

    Raises:
        PortUnavailable: it could not be bound, or the host has no address here; nothing is left open.
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
        if family == socket.AF_INET6:  # "::" takes IPv4 clients too, a single address only its own
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
        if not listens:
            # No SO_REUSEADDR: two sockets that have it and do not listen may share a port.
            sock.bind((address, port))
            return sock
        if sys.platform != "win32":  # where it would allow to steal the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit all of this on Linux.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        if address == "::1" or address.startswith("127."):
            _send_at_once(sock)
        sock.bind((address, port))
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _send_at_once(sock: socket.socket) -> None:
    """Have nothing wait for its turn that has no network before it, whatever the system's choice for networks.

    BBR, which many systems choose, paces what it sends by a timer: a mode's octets would come later than it says,
    and a file of 1 MiB take twice the time.
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
        remedy = f"may not be used by this user: choose one of 1024 or more with {option}"
    else:
        remedy = f"can't be used: {os.strerror(error.errno or 0)}"
    where = f"[{address}]" if ":" in address else address
    return PortUnavailable(f"port {port} on {where}, for {purpose}, {remedy}")
