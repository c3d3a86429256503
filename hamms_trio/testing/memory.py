"""Connections in memory and a hub on trio's clock: octets are real, time is virtual.

With ``trio.testing.MockClock(autojump_threshold=0)`` a failure mode that sleeps for an hour takes a
millisecond, and each octet has an exact time. One end of a connection is a socket for a hub (`MemorySocket`), the
other a trio stream for the test (`MemoryStream`).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from itertools import count

import trio

from hamms_trio.net.hubs.hub import IN
from hamms_trio.net.hubs.trio_hub import TrioHub

BUFFER_OCTETS = 256 * 1024  # that wait in one direction until the writer has to wait
_FIRST_DESCRIPTOR = 1 << 30  # higher than any real one


class MemoryHub(TrioHub):
    """A hub on trio's clock whose sockets are in memory."""

    def __init__(self) -> None:
        super().__init__(trio.current_time)

    def _deadline(self, due: float) -> float:
        return due  # exactly: to add and subtract the time would round it

    async def _wait(self, fd: int, event: int) -> None:
        sock = _SOCKETS[fd]
        if event == IN:
            await sock.incoming.wait_readable()
        else:
            await sock.outgoing.wait_writable()


class _Pipe:
    """One direction of a connection."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self.is_finished = False  # by the writer, with FIN
        self.error: int | None = None  # what both ends meet from now on
        self.is_refused = False  # by the reader, who has closed
        self._changed = trio.Event()

    def change(self) -> None:
        """Wake both ends, so that they look again."""
        self._changed.set()
        self._changed = trio.Event()

    async def wait_readable(self) -> None:
        await trio.lowlevel.checkpoint()
        while not (self.octets or self.is_finished or self.error):
            await self._changed.wait()

    async def wait_writable(self) -> None:
        await trio.lowlevel.checkpoint()
        while not (len(self.octets) < BUFFER_OCTETS or self.is_refused or self.error):
            await self._changed.wait()

    def read(self, most: int, *, peek: bool = False) -> bytes:
        """Read as a non-blocking socket does."""
        if self.octets:
            octets = bytes(self.octets[:most])
            if not peek:
                del self.octets[:most]
                self.change()
            return octets
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        if self.is_finished:
            return b""
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def write(self, octets: bytes | memoryview) -> int:
        """Write as a non-blocking socket does."""
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        if self.is_finished or self.is_refused:
            raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
        room = BUFFER_OCTETS - len(self.octets)
        if room <= 0:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        taken = bytes(octets[:room])
        self.octets += taken
        self.change()
        return len(taken)

    def finish(self) -> None:
        """Let the reader see FIN after the octets."""
        self.is_finished = True
        self.change()

    def refuse(self) -> None:
        """Let the writer's octets be refused: the reader has closed."""
        self.is_refused = True
        self.octets.clear()
        self.change()

    def reset(self) -> None:
        """Have both ends meet ECONNRESET, and lose the octets on their way."""
        self.error = errno.ECONNRESET
        self.octets.clear()
        self.change()


class MemorySocket:
    """The end of a connection that a hub watches; it does what a non-blocking TCP socket would.

    Closed while octets are unread, or with SO_LINGER of zero seconds, it resets.
    """

    def __init__(self, incoming: _Pipe, outgoing: _Pipe) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self._resets = False
        self._fd = next(_descriptors)
        _SOCKETS[self._fd] = self

    def fileno(self) -> int:
        return self._fd

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        return self.incoming.read(bufsize, peek=bool(flags & socket.MSG_PEEK))

    def send(self, data: bytes | memoryview, _flags: int = 0, /) -> int:
        return self.outgoing.write(data)

    def getsockopt(self, _level: int, option: int, /) -> int:
        return (self.outgoing.error or 0) if option == socket.SO_ERROR else 0

    def setsockopt(self, _level: int, option: int, value: bytes, /) -> None:
        if option == socket.SO_LINGER:
            self._resets = struct.unpack("ii", value) == (1, 0)

    def shutdown(self, _how: int, /) -> None:
        if self.outgoing.error:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        self.outgoing.finish()

    def close(self) -> None:
        if _SOCKETS.pop(self._fd, None) is None:
            return
        self._fd = -1
        if self._resets or self.incoming.octets:
            self.incoming.reset()
            self.outgoing.reset()
        else:
            self.outgoing.finish()
            self.incoming.refuse()


class MemoryStream(trio.abc.HalfCloseableStream):
    """The end of a connection that a test holds."""

    def __init__(self, incoming: _Pipe, outgoing: _Pipe) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._is_closed = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        rest = memoryview(bytes(data))
        while rest:
            await self.wait_send_all_might_not_block()
            try:
                rest = rest[self._outgoing.write(rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        self._check()
        await self._outgoing.wait_writable()

    async def send_eof(self) -> None:
        self._check()
        await trio.lowlevel.checkpoint()
        self._outgoing.finish()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        self._check()
        while True:
            await self._incoming.wait_readable()
            try:
                return self._incoming.read(max_bytes or BUFFER_OCTETS)
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError from error

    def reset(self) -> None:
        """Close it with RST."""
        self._is_closed = True
        self._incoming.reset()
        self._outgoing.reset()

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            if self._incoming.octets:
                self.reset()
            else:
                self._outgoing.finish()
                self._incoming.refuse()
        await trio.lowlevel.checkpoint()

    def _check(self) -> None:
        if self._is_closed:
            raise trio.ClosedResourceError


def memory_connection() -> tuple[MemorySocket, MemoryStream]:
    """Return both ends of a new connection: the hub's, and the test's."""
    there, back = _Pipe(), _Pipe()
    return MemorySocket(there, back), MemoryStream(back, there)


_SOCKETS: dict[int, MemorySocket] = {}
_descriptors = count(_FIRST_DESCRIPTOR)
