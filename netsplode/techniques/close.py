"""Abortive close: SO_LINGER of zero seconds, then close. It works on every platform."""

from __future__ import annotations

import os
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

from netsplode.errors import ConnectionNotFound
from netsplode.result import End
from netsplode.targets import Holder, Target
from netsplode.techniques.technique import Ends, Steps, ends
from netsplode.watch import Watch

if sys.platform == "linux":
    from netsplode.kernel import linux

# struct linger {on, seconds}: two ints on POSIX, two unsigned shorts in Winsock.
LINGER_ZERO = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)


def reset_and_close(sock: socket.SocketType) -> None:
    """Reset a connected TCP socket that is the caller's own, and close it.

    The quick way, for servers that reset by the thousand: no checks, no account, no waiting, nothing
    but what `Abort` and `Close` do to a plain socket.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    if sys.platform == "linux":
        with suppress(OSError):  # then the close resets it, unless a fork or a dup has it too
            linux.abort(sock)
    sock.close()


class Close:
    """SO_LINGER of zero seconds and close, the way its holder needs it. Works everywhere.

    The RST goes when the last descriptor is closed: one that was dup'ed or inherited by a fork keeps
    the connection open. asyncio closes in the next round of its loop.
    """

    name = "close"

    def obstacle(self, target: Target) -> str | None:
        if target.sock is None:
            return "another process holds the connection"
        if target.holder is Holder.OTHER:
            return "what holds the socket would not notice that it is closed"
        if target.holder is Holder.TRIO and not _on_trio_thread():
            return "trio's sockets can only be closed on trio's thread"
        owner: Any = target.owner
        if target.holder is Holder.ASYNCIO and owner.loop is None:
            return "the transport's loop is not known: call it on the loop's thread"
        return None

    def reset(self, target: Target, watch: Watch, seconds: float) -> Steps[Ends]:
        yield from ()
        assert target.sock is not None  # see obstacle
        _check_still_held(target)
        target.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        target.close()  # ours would keep the connection open
        owner: Any = target.owner
        if target.holder is Holder.DESCRIPTOR:
            os.close(owner)
        elif target.holder is Holder.ASYNCIO:
            owner.loop.call_soon_threadsafe(owner.transport.abort)
            return ends(End.UNCONFIRMED)
        elif target.holder is Holder.TRIO:
            owner.close()
        else:
            socket.close(owner.detach())  # close() would wait for what makefile() has returned
        return ends(End.CLOSED)


def _check_still_held(target: Target) -> None:
    """A descriptor's number may be another file's by now, when techniques before this one have taken their time."""
    assert target.sock is not None
    if target.holder is Holder.DESCRIPTOR:
        number: Any = target.owner
        if not os.path.sameopenfile(number, target.sock.fileno()):
            raise ConnectionNotFound("the descriptor is another file's by now")


def _on_trio_thread() -> bool:
    trio: Any = sys.modules["trio"]
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True
