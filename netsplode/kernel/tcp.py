"""Ask Linux about one TCP socket: its state, its identity, and which side opened it."""

from __future__ import annotations

import errno
import socket
import struct
import sys
from enum import IntEnum

IPPROTO_MPTCP = 262
_SO_COOKIE, _SO_NETNS_COOKIE = 57, 71
_STATE_OCTETS = 1  # tcpi_state is the first octet of TCP_INFO
_SIDE_OCTETS = 216  # up to and with tcpi_bytes_retrans, which Linux 4.19 brought
_SIOCOUTQ = 0x5411  # octets in the send queue, unacknowledged or unsent (tcp(7))
_TRIES = 5


class State(IntEnum):
    """The states of TCP, numbered as in net/tcp_states.h."""

    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECEIVED = 3
    FIN_WAIT_1 = 4
    FIN_WAIT_2 = 5
    TIME_WAIT = 6
    CLOSED = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11
    NEW_SYN_RECEIVED = 12


def state(sock: socket.SocketType) -> int:
    """Return the number of the socket's `State`."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _STATE_OCTETS)[0]


def cookie(sock: socket.SocketType) -> int:
    """Return the number that no other socket of this host has until it restarts (Linux 4.12)."""
    return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8), sys.byteorder)


def is_in_other_network(sock: socket.SocketType) -> bool:
    """Return True if the socket is in another network namespace than this thread.

    A kernel before 5.14 cannot tell, which counts as False.
    """
    try:
        here = socket.SocketType(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            return _network(sock) != _network(here)
        finally:
            here.close()
    except OSError as error:
        if error.errno == errno.ENOPROTOOPT:
            return False
        raise


def _network(sock: socket.SocketType) -> bytes:
    return sock.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)


def opened_here(sock: socket.SocketType) -> bool | None:
    """Return True if this end opened the connection; None if the kernel can't tell.

    The SYN of the opener takes a sequence number. Linux counts that number among the octets acknowledged,
    but not among those sent; it counts the SYN-ACK of an accepted connection in neither. The sum below
    treats octets in flight as acknowledged, and subtracts a FIN.
    """
    for _ in range(_TRIES):  # the counts may move between two system calls
        first, second = _surplus(sock), _surplus(sock)
        if first == second:
            return bool(first) if first in (0, 1) else None
    return None


def _surplus(sock: socket.SocketType) -> int | None:
    import fcntl  # missing on Windows, where this module must still import

    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIDE_OCTETS)
    if len(info) < _SIDE_OCTETS:
        return None
    (acknowledged,) = struct.unpack_from("Q", info, 120)
    (not_sent,) = struct.unpack_from("I", info, 144)
    sent, sent_again = struct.unpack_from("QQ", info, 200)
    (queued,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), _SIOCOUTQ, bytes(4)))
    has_fin = info[0] not in (State.ESTABLISHED, State.CLOSE_WAIT)
    has_sent_fin = has_fin and not not_sent  # a FIN is the last in the queue
    return int((acknowledged + queued - not_sent) - (sent - sent_again) - has_sent_fin)
