"""Connections of other processes, on a machine with many processes: finding the owner takes most of the time."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import netsplode
from bench.resets.forked import Side, forked
from bench.trials import Try

OWNERS = 20
SOCKETS_OF_AN_OWNER = 4  # besides the connection
IDLE_SECONDS = 0.01  # before each reset
PATIENCE_SECONDS = 2.0


def owner(*, processes: int, tries: int, same: bool, listed: bool) -> list[Try]:
    """Reset connections by their addresses, and measure the milliseconds until the owner sees ECONNRESET.

    Args:
        processes: how many idle processes run beside, with up to nine sockets each.
        tries: how many connections to reset.
        listed: True to reset what `find_connections` has returned, and False to pass the two addresses.
        same: True if the same process owns all of them; False if each has another owner than the one before.

    The owners start at equal distances among the other processes, so that some are old and some are new.
    """
    with _listener() as listener, _owners(listener, processes) as owners:
        used = owners[:1] if same else owners
        # The first try does not count, because it imports the rest of netsplode.
        return [_try(used[turn % len(used)], listener, listed) for turn in range(tries + 1)][1:]


@contextmanager
def _listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_SECONDS)
        yield listener


@contextmanager
def _owners(listener: socket.socket, processes: int) -> Iterator[list[Side]]:
    with ExitStack() as stack:
        owners = []
        for _ in range(OWNERS):
            for number in range(processes // OWNERS):
                stack.enter_context(_idle(number))
            owners.append(stack.enter_context(forked(_own, listener.getsockname())))
        yield owners


@contextmanager
def _idle(sockets_held: int) -> Iterator[None]:
    sockets = [socket.socket() for _ in range(sockets_held)]
    numbers = [sock.fileno() for sock in sockets]
    process = subprocess.Popen(["sleep", "600"], pass_fds=numbers)
    for sock in sockets:
        sock.close()
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _try(owner: Side, listener: socket.socket, listed: bool) -> Try:
    owner.send("connect")
    local = owner.recv()
    with listener.accept()[0] as peer:
        # This process must not hold the end that is reset.
        pair = local, peer.getsockname()
        target = netsplode.find_connections(*pair) if listed else pair
        time.sleep(IDLE_SECONDS)
        began = time.monotonic()
        result = netsplode.reset_connection(*target, technique="abort")
        saw, at = owner.recv()
    if saw != "ConnectionResetError" or not result.is_confirmed:
        return None
    took: float = 1000 * (at - began)
    return took


def _own(orders: Side, address: tuple[str, int]) -> None:
    """Connect on each order, and report how and when the connection ends."""
    os.closerange(3, orders.fileno())  # the descriptors of this process's parent
    os.closerange(orders.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    kept = [socket.socket() for _ in range(SOCKETS_OF_AN_OWNER)]  # noqa: F841 - open until the end
    while True:
        orders.recv()
        with socket.create_connection(address) as sock:
            sock.settimeout(PATIENCE_SECONDS)
            orders.send(sock.getsockname())
            try:
                sock.recv(1)
                saw = "EOF"
            except OSError as error:
                saw = type(error).__name__
            orders.send((saw, time.monotonic()))
