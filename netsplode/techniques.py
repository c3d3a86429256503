"""Ways to reset a connection."""

from __future__ import annotations

import socket
import struct
import sys

from netsplode.targets import OwnSocket

# struct linger {on, seconds}: two ints on POSIX, two unsigned shorts in Winsock.
LINGER_ZERO = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)


def abortive_close(sock: OwnSocket) -> None:
    """Close ``sock`` so that its peer sees RST (RFC 9293 §3.10.5, ABORT). Unsent octets are lost.

    The kernel sends the RST when the last descriptor of the socket is closed: one that was dup'ed
    or inherited by a fork keeps the connection open.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    sock.close()
