"""Every reset that the lab sends, through netsplode."""

from __future__ import annotations

import socket

import trio

from netsplode import (  # now: later there may be no descriptor to import with
    ConnectionNotFound,
    reset_connection,
)
from netsplode.techniques import LINGER_ZERO, reset_and_close as reset_and_close


def reset_stream(stream: trio.SocketStream) -> None:
    """Have the peer see RST; whoever owns ``stream`` closes it then."""
    try:
        reset_connection(stream, verify=False)
    except ConnectionNotFound:  # the client has reset it before
        pass
    except OSError:  # no descriptor left to act on: the close that follows will send it
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
