"""``connect(AF_UNSPEC)``: the best technique on Linux for every connection whose descriptor can be reached."""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import closing
from functools import partial

from netsplode.kernel import tcp
from netsplode.kernel.diag import Entry
from netsplode.kernel.processes import holders_of
from netsplode.privileges import missing_capability
from netsplode.result import End
from netsplode.targets import Target, check_resettable, duplicate
from netsplode.techniques.technique import Ends, Steps, ends, in_thread
from netsplode.watch import Watch

if sys.platform == "linux":
    from netsplode.kernel import linux


class Abort:
    """``connect(AF_UNSPEC)``, through our own descriptor or that of the process that holds it (Linux)."""

    name = "abort"

    def obstacle(self, target: Target) -> str | None:
        return obstacle_to_borrowing(target)

    def reset(self, target: Target, watch: Watch, seconds: float) -> Steps[Ends]:
        if target.sock is None:
            yield from in_thread(partial(borrow, target))
        assert target.sock is not None  # see obstacle
        is_mptcp = linux.fails_without_econnreset(target.sock)
        linux.abort(target.sock)
        return ends(End.ABORTED if is_mptcp else End.RESET)


def obstacle_to_borrowing(target: Target) -> str | None:
    """Return why no descriptor of this connection can be reached, or None."""
    if target.sock is not None:
        return None if sys.platform == "linux" else "it needs Linux"
    if target.entry is None:
        return "the connection does not end on this host"
    return None if target.entry.inode else "no process holds the connection any more"


def borrow(target: Target) -> None:
    """Give ``target`` a descriptor of our own for the very socket of its entry.

    Raises:
        MissingCapability: this process may not look into a process that holds the socket.
        ConnectionNotFound: the socket is not connected any more.
    """
    assert target.entry is not None
    target.sock = _borrowed(target.entry, target.pid)
    check_resettable(target.sock)  # it may have gone meanwhile


def _borrowed(entry: Entry, likely: int | None) -> socket.SocketType:
    with closing(holders_of(entry, likely)) as holders:
        for pid, descriptor in holders:
            try:
                sock = _duplicate_of(linux.descriptor_of(pid, descriptor))
            except OSError:  # no permission, or the process has closed it
                continue
            if tcp.cookie(sock) == entry.cookie:
                return sock
            sock.close()
    raise missing_capability(
        f"no permission to look into a process that holds this socket of user {entry.uid}",
        "CAP_SYS_PTRACE",
    )


def _duplicate_of(descriptor: int) -> socket.SocketType:
    """Make a socket of a descriptor, and close the descriptor."""
    try:
        return duplicate(descriptor)
    except TypeError as error:
        raise OSError(errno.ENOTSOCK, str(error)) from error
    finally:
        os.close(descriptor)
