"""A client's socket whose unsent octets count in the server's backlog, until there is room for them."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod

from hamms_trio.http.serving.service import FOREVER, Service
from hamms_trio.net.accepted import AcceptedSocket, Handover
from hamms_trio.net.hubs.hub import IN, OUT, Hub

try:
    import fcntl
except ImportError:  # Windows, which does not report unsent octets either
    fcntl = None  # type: ignore[assignment]

GROUP = "http"
_SIOCOUTQNSD = 0x894B  # linux/sockios.h


class BufferedSocket(AcceptedSocket, ABC):
    """A connection of a server, until it is closed, reset or given to another owner."""

    __slots__ = (
        "_deferred",
        "_on_ended",
        "_room_due",
        "_service",
        "_waits_for_room",
        "_waits_since",
    )

    def __init__(self, hub: Hub, service: Service, handover: Handover) -> None:
        super().__init__(hub, handover.sock, IN, octets=handover.octets, observer=handover.observer)
        self._service = service
        self._on_ended = handover.on_end
        # In the kernel's buffer, for octets that are kept or for a file's.
        self._waits_for_room = False
        self._deferred = b""  # an answer that waits for its turn
        self._waits_since = 0.0
        self._room_due = FOREVER
        service.connections += 1

    @property
    def group(self) -> str:
        """See `net.hub.Watcher`."""
        return GROUP

    def close(self) -> None:
        """Close the connection, unless it has ended or belongs to another owner."""
        if self.is_open:
            super().close()
            self._on_closed()
            self._on_ended()

    def reset(self) -> None:
        """Have the client see RST."""
        if self.is_open:
            super().reset()
            self._on_closed()
            self._on_ended()

    def evict(self) -> None:
        """Reset the connection soon, since the backlog is full and the client does not read (see `Backlog`).

        Not at once: another connection's event is being served, and a new connection might get the descriptor
        before this one's own event is served.
        """
        self._hub.call_next(self._reset_unread)

    def _reset_unread(self) -> None:
        if self._waits_for_room:
            self._service.account.write_errors["BacklogFull"] += 1
            self.reset()

    def _write_all(self, octets: bytes) -> None:
        """Hand octets to the kernel, and wait for room for those that do not fit."""
        if not self.write_or_keep(octets):
            self._wait_for_room()

    def _write_in_turn(self, octets: bytes) -> None:
        """Write an answer, after the other clients of this round are read if there are any.

        A send wakes a sleeping client, and the send to one that is awake costs half.
        """
        if self._hub.is_crowded:
            self._deferred = octets
            self._hub.call_next(self._write_deferred, GROUP)
        else:
            self._write_all(octets)

    def _write_deferred(self) -> None:
        octets, self._deferred = self._deferred, b""
        if octets:
            try:
                self._write_all(octets)
            except OSError as error:
                self._on_lost(error)
            self._service.announce_end()

    def _write_waiting(self) -> bool:
        """Hand over the octets that were kept, now that there is room; return True if that was all."""
        if self._unsent:
            is_all = self.write_kept()
            self._room_due = self._service.clock() + self._service.limits.send_seconds
            if not is_all:
                self._enter_backlog()
                return False
            self._service.backlog.release(self)
        self._waits_for_room = False
        return True

    def _wait_for_room(self) -> None:
        """Read nothing until there is room for more output."""
        now = self._service.clock()
        if not self._waits_for_room:
            self._waits_for_room = True
            self._waits_since = now
        if self._unsent:
            self._enter_backlog()
        self._room_due = now + self._service.limits.send_seconds
        self.watch_for(OUT)

    def _enter_backlog(self) -> None:
        """Report the buffered octets to the backlog, after the client has read some."""
        whole = memoryview(memoryview(self._unsent).obj)  # of which a view keeps every octet
        self._service.backlog.keep(self, whole.nbytes)

    @property
    def _undelivered(self) -> int:
        """The unsent octets in the kernel's buffer; 0 if the kernel does not report them."""
        if fcntl is None:
            return 0
        try:
            answered = fcntl.ioctl(self._fd, _SIOCOUTQNSD, bytes(struct.calcsize("i")))
        except OSError:
            return 0
        octets: int = struct.unpack("i", answered)[0]
        return octets

    def _detach(self) -> None:
        super()._detach()
        self._waits_for_room = False
        self._deferred = b""
        service = self._service
        service.backlog.release(self)
        service.connections -= 1
        service.announce_vacancy()
        service.announce_end()
        self._on_detached()

    @abstractmethod
    def _on_lost(self, error: OSError) -> None:
        """Count the error that ended the connection, and close it."""

    @abstractmethod
    def _on_closed(self) -> None:
        """Report to those who watch that the connection is closed."""

    @abstractmethod
    def _on_detached(self) -> None:
        """Wake a task that waits for this connection: it has ended, or has another owner."""
