"""Abortive close: SO_LINGER of zero seconds, then close, which works on every platform."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from netsplode.abortive import LINGER_ZERO as LINGER_ZERO, reset_and_close as reset_and_close
from netsplode.errors import ConnectionNotFound
from netsplode.result import End
from netsplode.targets import Target
from netsplode.techniques.technique import Ends, Steps, ends
from netsplode.unwrap import Holder
from netsplode.watch import Watch


class Close:
    """SO_LINGER of zero seconds and close, in the way that the holder of the socket needs.

    The RST leaves when the last descriptor is closed: a duplicate, or one that a child inherited, keeps
    the connection open. asyncio closes in the next iteration of its loop.
    """

    name = "close"

    def obstacle(self, target: Target) -> str | None:
        if target.sock is None:
            return "another process holds the connection"
        if target.holder is Holder.OTHER:
            return "the object that holds the socket would not notice that it is closed"
        if target.holder is Holder.TRIO and not _on_trio_thread():
            return "trio's sockets can only be closed on trio's thread"
        owner: Any = target.owner
        if target.holder is Holder.ASYNCIO and owner.loop is None:
            return "the loop of this transport is unknown: call this on the loop's thread"
        return None

    def reset(self, target: Target, watch: Watch, seconds: float) -> Steps[Ends]:
        yield from ()
        assert target.sock is not None  # see obstacle
        _check_still_held(target)
        target.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        target.close()  # our duplicate would keep the connection open
        owner: Any = target.owner
        if target.holder is Holder.DESCRIPTOR:
            os.close(owner)
        elif target.holder is Holder.ASYNCIO:
            owner.loop.call_soon_threadsafe(owner.transport.abort)
            return ends(End.UNCONFIRMED)
        elif target.holder is Holder.TRIO:
            owner.close()
        else:
            # `close()` would wait until the files of makefile() are closed.
            socket.close(owner.detach())
        return ends(End.CLOSED)


def _check_still_held(target: Target) -> None:
    """Check that a descriptor's number is not that of another file by now.

    The techniques that were tried before may have taken seconds.
    """
    assert target.sock is not None
    if target.holder is Holder.DESCRIPTOR:
        number: Any = target.owner
        if not os.path.sameopenfile(number, target.sock.fileno()):
            raise ConnectionNotFound("the descriptor is that of another file by now")


def _on_trio_thread() -> bool:
    trio: Any = sys.modules["trio"]
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True
