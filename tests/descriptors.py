"""Descriptors of this process: which is given next, and none that is left."""

from __future__ import annotations

import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_gaps() -> Iterator[None]:
    """All below the highest are taken: whichever is closed in the block is the next that is given."""
    highest = max(map(int, os.listdir("/dev/fd")))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while taken[-1] < highest:
            taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for fd in taken:
            os.close(fd)


def reset_in_place(sock: socket.socket) -> None:
    """Reset a connection without giving its descriptor away."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), sock.fileno())


@contextmanager
def none_left() -> Iterator[None]:
    """Nothing can be opened or accepted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
