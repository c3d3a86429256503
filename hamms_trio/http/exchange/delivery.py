"""Files on their way to clients, without a task: in each turn as much as the page cache has and the socket takes.

``sendfile`` moves the octets to the socket; where the connection is encrypted or observed, or the platform has no
``sendfile``, they pass through our memory. Octets that have to
come from the disk are read by a thread, which knows the file and not the socket: so a connection may end at any
moment, and no thread writes to a descriptor that was closed and opened anew.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from enum import Enum

import trio

from hamms_trio.http.exchange.exchange import Exchange
from hamms_trio.http.exchange.tasks import FILE_OCTETS, FileShortened
from hamms_trio.http.routes.response import FileBody

# In one turn, which takes a tenth of a millisecond, and a quarter of one on an encrypted connection.
SENDFILE_OCTETS = 1024 * 1024
COPIED_OCTETS = 256 * 1024
FILE_READ_OCTETS = 64 * 1024  # that pass through our memory, where they wait for a slow client

_MORE = getattr(socket, "MSG_MORE", 0)
_PROBE = bytearray(1)


# Hands octets over with flags of send(2), and returns for how many there was room (see `HubSocket.write`).
Write = Callable[[bytes | memoryview, int], int]


class PauseReason(Enum):
    """The reason for which a delivery pauses."""

    ROOM = "in the socket, and the next turn"
    DISK = "octets that are not in the page cache"


class Delivery:
    """A head, and the octets and parts of one file that follow it.

    The exchange counts the octets that the kernel has taken, and closes the file.

    Args:
        descriptor: of the socket, if the kernel may copy the file into it; None if ``write`` gets all.
    """

    __slots__ = (
        "_at",
        "_descriptor",
        "_end",
        "_exchange",
        "_file",
        "_later",
        "_waiting",
        "_write",
    )

    def __init__(
        self,
        exchange: Exchange,
        write: Write,
        descriptor: int | None,
        head: bytes,
        body: FileBody,
    ) -> None:
        self._exchange = exchange
        self._write = write
        self._descriptor = descriptor if hasattr(os, "sendfile") else None
        self._file = body.file.fileno()
        self._waiting: bytes | memoryview = head  # to be sent before the next part of the file
        self._at = self._end = 0  # the next part of the file
        self._later = list(body.pieces[::-1])
        if self._later and isinstance(self._later[-1], range):
            self._take_up(self._later.pop())

    def proceed(self) -> PauseReason | None:
        """Send as much as one turn allows; return the need of the rest, or None once all is sent.

        Raises:
            FileShortened: the file is shorter than the head says.
            OSError: the connection is lost.
        """
        descriptor = self._descriptor
        left = COPIED_OCTETS if descriptor is None else SENDFILE_OCTETS
        try:
            while True:
                if self._waiting:
                    if not self._send():
                        return PauseReason.ROOM
                elif self._at < self._end:
                    count = min(self._end - self._at, left)
                    if not count:
                        return PauseReason.ROOM
                    if descriptor is None:
                        taken = self._read_from_memory(count)
                    else:
                        taken = self._send_file(descriptor, count)
                    if taken is None:
                        return PauseReason.DISK
                    if taken < count and descriptor is not None:  # there is no more room
                        return PauseReason.ROOM
                    left -= taken
                elif self._later:
                    self._take_up(self._later.pop())
                else:
                    return None
        except BlockingIOError:
            return PauseReason.ROOM

    @property
    def kept(self) -> int:
        """Octets in our memory that wait for the client."""
        return memoryview(memoryview(self._waiting).obj).nbytes if self._waiting else 0

    async def read(self) -> None:
        """Have a thread read the next octets of the file.

        Raises:
            FileShortened: the file has ended.
        """
        count = min(self._end - self._at, FILE_OCTETS)
        octets = await trio.to_thread.run_sync(os.pread, self._file, count, self._at)
        self._advance(len(octets))
        self._waiting = octets

    def _take_up(self, piece: bytes | range) -> None:
        if isinstance(piece, bytes):
            self._waiting = piece
        else:
            self._at, self._end = piece.start, piece.stop

    def _send(self) -> int:
        waiting = self._waiting
        # A head is worth no segment of its own, nor to wake its client for.
        is_followed = self._descriptor is not None and (self._at < self._end or self._later)
        sent = self._write(waiting, _MORE if is_followed else 0)
        self._exchange.octets_out += sent
        self._waiting = memoryview(waiting)[sent:] if sent < len(waiting) else b""
        return sent

    def _send_file(self, descriptor: int, count: int) -> int | None:
        """Send up to ``count`` octets and return how many; None if that would wait for the disk."""
        if not _is_in_memory(self._file, self._at, count):
            return None
        sent = os.sendfile(descriptor, self._file, self._at, count)
        self._exchange.octets_out += sent
        self._advance(sent)
        return sent

    def _read_from_memory(self, count: int) -> int | None:
        """Read up to ``count`` octets to be sent and return how many; None if that would wait for the disk."""
        buffer = bytearray(min(count, FILE_READ_OCTETS))
        try:
            read = _read_cached(self._file, buffer, self._at)
        except OSError:
            return None
        self._advance(read)
        self._waiting = memoryview(buffer)[:read]
        return read

    def _advance(self, octets: int) -> None:
        if not octets:
            raise FileShortened
        self._at += octets


def _is_in_memory(file: int, at: int, count: int) -> bool:
    """Return True if both ends of a part are in the page cache, or if the file system can't tell."""
    try:
        _read_cached(file, _PROBE, at)
        _read_cached(file, _PROBE, at + count - 1)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _read_cached(file: int, buffer: bytearray, at: int) -> int:
    """Fill the buffer from the page cache, and return how many octets came.

    Raises:
        BlockingIOError: they would have to come from the disk.
        OSError: the platform or the file system can't tell.
    """
    if not hasattr(os, "preadv") or not hasattr(os, "RWF_NOWAIT"):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    return os.preadv(file, [buffer], at, os.RWF_NOWAIT)
