"""Files on their way to clients, without a task: in each turn as much as is in memory and has room.

``sendfile`` takes it from there to the socket, or OpenSSL where the connection is encrypted. What has to come
from the disk is read by a thread, which knows the file and not the socket: so a connection may end at any
moment, and nobody writes to whoever has its descriptor next.
"""

from __future__ import annotations

import os
import socket
from enum import Enum
from time import monotonic

import trio

from hamms_trio.http.answering import FILE_OCTETS, FileShortened
from hamms_trio.http.job import Job
from hamms_trio.http.response import FileBody
from hamms_trio.net.tls import TlsSocket

# In one turn, which takes a tenth of a millisecond, and a quarter of one where it is encrypted.
SENDFILE_OCTETS = 1024 * 1024
ENCRYPTED_OCTETS = 256 * 1024
RESIDENT_SECONDS = 0.2  # what was in memory just now is not looked for again
READ_OCTETS = 64 * 1024  # of these, which wait with us for a client that is slow

_NOWAIT = getattr(os, "RWF_NOWAIT", 0)
_MORE = getattr(socket, "MSG_MORE", 0)
_PROBE = [bytearray(1)]


class Need(Enum):
    """What a delivery waits for."""

    ROOM = "in the socket, and the next turn"
    DISK = "what is not in memory"


class Delivery:
    """A head, and the octets and parts of one file that follow it.

    The job counts what the kernel has taken, and closes the file.
    """

    __slots__ = (
        "_at",
        "_encrypted",
        "_end",
        "_file",
        "_job",
        "_later",
        "_residence",
        "_socket",
        "_waiting",
    )

    def __init__(self, job: Job, sock: socket.socket, head: bytes, body: FileBody) -> None:
        self._job = job
        self._socket = sock
        self._encrypted = isinstance(sock, TlsSocket)  # by us: the kernel can't
        self._file = body.file.fileno()
        goes_at_once = len(body.pieces) == 1 and body.octets <= SENDFILE_OCTETS
        self._residence = body.residence if goes_at_once else None
        self._waiting: bytes | memoryview = head  # to be sent before the file is gone on with
        self._at = self._end = 0  # what comes next of the file
        self._later = list(body.pieces[::-1])
        if self._later and isinstance(self._later[-1], range):
            self._take_up(self._later.pop())

    def go_on(self) -> Need | None:
        """Send what can be sent in one turn; what the rest waits for, or None if there is no rest.

        Raises:
            FileShortened: there is not as much of it as the head says.
            OSError: the connection is lost.
        """
        encrypted = self._encrypted
        left = ENCRYPTED_OCTETS if encrypted else SENDFILE_OCTETS
        try:
            while True:
                if self._waiting:
                    self._send()
                elif self._at < self._end:
                    count = min(self._end - self._at, left)
                    if not count:
                        return Need.ROOM
                    taken = self._read_from_memory(count) if encrypted else self._send_file(count)
                    if taken is None:
                        return Need.DISK
                    if taken < count and not encrypted:  # there is no more room
                        return Need.ROOM
                    left -= taken
                elif self._later:
                    self._take_up(self._later.pop())
                else:
                    return None
        except BlockingIOError:
            return Need.ROOM

    @property
    def kept(self) -> int:
        """Octets in our memory that wait for the client."""
        return memoryview(memoryview(self._waiting).obj).nbytes if self._waiting else 0

    async def read(self) -> None:
        """Have a thread read what comes next of the file.

        Raises:
            FileShortened: there is no more of it.
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

    def _send(self) -> None:
        waiting = self._waiting
        if not self._encrypted and (self._at < self._end or self._later):
            # A head is worth no segment of its own, nor to wake its client for.
            sent = self._socket.send(waiting, _MORE)
        else:
            sent = self._socket.send(waiting)
        self._job.octets_out += sent
        self._waiting = memoryview(waiting)[sent:] if sent < len(waiting) else b""

    def _send_file(self, count: int) -> int | None:
        """How much of ``count`` octets was sent; None if that would have to wait for the disk."""
        if not self._is_in_memory(count):
            return None
        sent = os.sendfile(self._socket.fileno(), self._file, self._at, count)
        self._job.octets_out += sent
        self._advance(sent)
        return sent

    def _is_in_memory(self, count: int) -> bool:
        """Whether so much of what comes next is, or was a moment ago: to look takes a tenth of a turn."""
        residence = self._residence
        if residence is None:
            return _is_in_memory(self._file, self._at, count)
        now = monotonic()
        if now < residence.until:
            return True
        if not _is_in_memory(self._file, self._at, count):
            return False
        residence.until = now + RESIDENT_SECONDS
        return True

    def _read_from_memory(self, count: int) -> int | None:
        """How much of ``count`` octets was read to be sent; None if that would have to wait for the disk."""
        buffer = bytearray(min(count, READ_OCTETS))
        try:
            read = os.preadv(self._file, [buffer], self._at, _NOWAIT)
        except OSError:  # BlockingIOError, or a file system that can't tell
            return None
        self._advance(read)
        self._waiting = memoryview(buffer)[:read]
        return read

    def _advance(self, octets: int) -> None:
        if not octets:
            raise FileShortened
        self._at += octets


def _is_in_memory(file: int, at: int, count: int) -> bool:
    """Whether a part of a file is in memory, as far as its ends tell."""
    try:
        os.preadv(file, _PROBE, at, _NOWAIT)
        os.preadv(file, _PROBE, at + count - 1, _NOWAIT)
    except BlockingIOError:
        return False
    except OSError:  # a file system that can't tell
        return True
    return True
