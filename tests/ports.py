"""Free ports and taken ports for tests."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from hamms_trio.app import WORKBENCH_OFFSET

ATTEMPTS = 100
BELOW_EPHEMERAL = range(10_000, 32_000)


def is_free(port: int, *, reuse: bool = False) -> bool:
    """Return True if a socket can listen on the port; ``reuse`` ignores connections in TIME-WAIT."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        try:
            sock.bind(("127.0.0.1", port))
            sock.listen()
        except OSError:
            return False
        return True


def free_ports(count: int) -> int:
    """Find ``count`` consecutive free ports below the ephemeral range; return the first."""
    for first in random.sample(BELOW_EPHEMERAL, ATTEMPTS):
        with ExitStack() as stack, suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError("no free ports")


def free_beginning_port() -> int:
    """Find a beginning port at which every door and the workbench find their ports free."""
    return free_ports(WORKBENCH_OFFSET + 1)


@contextmanager
def taken_port(offset: int) -> Iterator[int]:
    """Yield a beginning port from which all ports are free, except the one at ``offset``."""
    with socket.socket() as taken:
        first = free_beginning_port()
        taken.bind(("127.0.0.1", first + offset))
        taken.listen()
        yield first


def skip_without_ipv6() -> None:
    """Skip the test on a machine that cannot listen on ::1."""
    with socket.socket(socket.AF_INET6) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"this machine has no IPv6: {error}")
