"""``connect(AF_UNSPEC)``: the best way on Linux, for every connection whose descriptor can be had."""

from __future__ import annotations

import errno
import os
import socket
import sys
from functools import partial

from netsplode.kernel import tcp
from netsplode.kernel.diag import Entry
from netsplode.kernel.processes import holders
from netsplode.privileges import missing_capability
from netsplode.result import End
from netsplode.targets import Target, check_resettable, duplicate
from netsplode.techniques.technique import Ends, Steps, ends, out_of_loop
from netsplode.watch import Watch

if sys.platform == "linux":
    from netsplode.kernel import linux


class Abort:
    """``connect(AF_UNSPEC)``, through a descriptor of ours or of the process that has it (Linux)."""

    name = "abort"

    def obstacle(self, target: Target) -> str | None:
        return obstacle_to_borrowing(target)

    def reset(self, target: Target, watch: Watch, seconds: float) -> Steps[Ends]:
        if target.sock is None:
            yield from out_of_loop(partial(borrow, target))
        assert target.sock is not None  # see obstacle
        quiet = linux.local_end_stays_quiet(target.sock)
        linux.abort(target.sock)
        return ends(End.ABORTED if quiet else End.RESET)


def obstacle_to_borrowing(target: Target) -> str | None:
    """Why there is no way to a descriptor of this connection, or None."""
    if target.sock is not None:
        return None if sys.platform == "linux" else "it needs Linux"
    if target.entry is None:
        return "the connection does not end on this host"
    return None if target.entry.inode else "no process holds the connection any more"


def borrow(target: Target) -> None:
    """Give ``target`` a descriptor of our own for the very socket of its entry.

    Raises:
        MissingCapability: no process that holds it may be looked into.
        ConnectionNotFound: none holds it any more.
    """
    assert target.entry is not None
    target.sock = _borrowed(target.entry)
    check_resettable(target.sock)  # it may have gone meanwhile


def _borrowed(entry: Entry) -> socket.SocketType:
    for pid, descriptor in holders([entry.inode]).get(entry.inode, ()):
        try:
            sock = _duplicate_of(linux.descriptor_of(pid, descriptor))
        except OSError:  # it may not be looked into, or has gone
            continue
        if tcp.cookie(sock) == entry.cookie:
            return sock
        sock.close()
    raise missing_capability(
        f"no process that holds it (a socket of user {entry.uid}) may be looked into",
        "CAP_SYS_PTRACE",
    )


def _duplicate_of(descriptor: int) -> socket.SocketType:
    """The socket of this descriptor, which is ours to close."""
    try:
        return duplicate(descriptor)
    except TypeError as error:
        raise OSError(errno.ENOTSOCK, str(error)) from error
    finally:
        os.close(descriptor)
