"""The socket at the far end of a connection, where that is on this machine."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress

_IDLE, _KEEP_ALIVE = 0, 2  # inet_diag's idiag_timer
_MAPPED = "::ffff:"  # IPv4 in IPv6 (RFC 4291 §2.5.5.2)


def keeps_alive(descriptor: int) -> bool | None:
    """Return True if the far end's kernel sends TCP keep-alives, None if that can't be seen.

    A socket's option is invisible to the other end until it acts, after hours by default. But Linux shows the timer
    that each of its sockets waits for, once what the socket has sent is acknowledged.

    Args:
        descriptor: of our own end.
    """
    if sys.platform != "linux":
        return None
    from netsplode.kernel.diag import Diag  # Linux only

    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as ours, Diag() as diag:
        there, here = (_address(end) for end in (ours.getpeername(), ours.getsockname()))
        entry = diag.get(there, here)
        if entry is not None and entry.timer in (_IDLE, _KEEP_ALIVE):
            return entry.timer == _KEEP_ALIVE
    return None


def _address(name: tuple[str, int]) -> tuple[str, int]:
    return name[0].removeprefix(_MAPPED), name[1]
