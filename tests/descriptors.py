"""Control over this process's descriptors: predictable numbers, and none left."""

from __future__ import annotations

import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_gaps() -> Iterator[None]:
    """Take every descriptor below the highest, so that the next one opened reuses the one closed last."""
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
    """Reset a connection but keep its descriptor in use."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), sock.fileno())


@contextmanager
def exhausted_descriptors() -> Iterator[None]:
    """Lower the limit so that no descriptor can be opened or accepted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
