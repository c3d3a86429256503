"""Break TCP connections on purpose."""

from netsplode.errors import (
    NetsplodeError as NetsplodeError,
    UnsupportedConnection as UnsupportedConnection,
)
from netsplode.targets import own_socket
from netsplode.techniques import abortive_close


def reset_connection(target: object) -> None:
    """Reset the TCP connection that ``target`` holds: its peer sees RST, and ``target`` is closed.

    Args:
        target: a `socket.socket` (an `ssl.SSLSocket` is one), a trio socket, a `trio.SocketStream`
            or a `trio.SSLStream`. What belongs to trio has to be reset on trio's thread.

    Raises:
        UnsupportedConnection: there is no TCP connection inside ``target``.
        OSError: the connection is not there any more.
    """
    abortive_close(own_socket(target))


__all__ = ["NetsplodeError", "UnsupportedConnection", "reset_connection"]
