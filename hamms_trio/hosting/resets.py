"""Every reset that the lab sends, through netsplode."""

from __future__ import annotations

import socket

import trio

from netsplode import (  # now: later there may be no descriptor to import with
    ConnectionNotFound,
    reset_connection,
)
from netsplode.techniques import LINGER_ZERO


def close_with_reset(sock: socket.socket) -> None:
    """Close ``sock`` so that its peer sees RST; quietly, if it has reset the connection itself."""
    try:
        reset_connection(sock, verify=False)
    except ConnectionNotFound:
        pass
    except OSError:  # no descriptor left to act on: then let the close below send it
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    sock.close()


def reset_stream(stream: trio.SocketStream) -> None:
    """Have the peer see RST; whoever owns ``stream`` closes it then."""
    try:
        reset_connection(stream, verify=False)
    except ConnectionNotFound:  # the client has reset it before
        pass
    except OSError:  # no descriptor left to act on: the close that follows will send it
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
