"""System calls on one socket that Python's socket module lacks."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

from netsplode.kernel import tcp

_libc = ctypes.CDLL(None, use_errno=True)
_connect = _libc.connect
_connect.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long

_UNSPECIFIED = struct.pack("H14x", socket.AF_UNSPEC)  # struct sockaddr
_SYS_PIDFD_GETFD = 438  # the same on every architecture (Linux 5.6)
_SHUT_RDWR = socket.SHUT_RDWR
_TCP_REPAIR = 19  # linux/tcp.h


def abort(sock: socket.SocketType) -> None:
    """Abort the connection of ``sock``; all its descriptors stay open (RFC 9293 §3.10.5).

    Connecting to AF_UNSPEC dissolves a TCP connection and sends the RST. The shutdown then leaves the
    socket as a received RST would have left it: it fails with ECONNRESET, then reads EOF.

    Raises:
        OSError: the kernel refuses: EOPNOTSUPP under kTLS, EBUSY with waiting threads on some kernels.
    """
    if _connect(sock.fileno(), _UNSPECIFIED, 16):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    try:
        sock.shutdown(_SHUT_RDWR)
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise


def may_send_raw() -> bool:
    """Return True if this thread may open raw sockets in its network namespace (CAP_NET_RAW)."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).close()
    except PermissionError:
        return False
    return True


def may_repair() -> bool:
    """Return True if this thread may repair, and so destroy, connections there (CAP_NET_ADMIN)."""
    with socket.socket() as sock:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
        except PermissionError:
            return False
    return True


def descriptor_of(pid: int, fd: int) -> int:
    """Duplicate descriptor ``fd`` of process ``pid``; the caller closes the duplicate.

    Raises:
        PermissionError: the process belongs to another user, and this one may not trace it.
        OSError: the process or its descriptor is gone, or the kernel is older than 5.6.
    """
    process = os.pidfd_open(pid)
    try:
        found = int(_syscall(_SYS_PIDFD_GETFD, process, fd, 0))
        if found < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return found
    finally:
        os.close(process)


def fails_without_econnreset(sock: socket.SocketType) -> bool:
    """Return True if an abort leaves this socket without ECONNRESET, as it does with MPTCP."""
    return sock.proto == tcp.IPPROTO_MPTCP
