"""Resets by the servers, all through netsplode."""

from __future__ import annotations

import socket

import trio

from netsplode import (  # imported now, since later no descriptor may be left for an import
    ConnectionNotFound,
    reset_connection,
)
from netsplode.techniques import LINGER_ZERO, reset_and_close as reset_and_close


def reset_stream(stream: trio.SocketStream) -> None:
    """Reset the connection; the owner of ``stream`` has to close it afterwards."""
    try:
        reset_connection(stream, verify=False)
    except ConnectionNotFound:  # the client has reset the connection already
        pass
    except OSError:  # no descriptor left: the owner's close sends the RST
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
