"""A client's socket on the hub, and the octets that wait for room in it."""

from __future__ import annotations

import socket
import struct
from abc import ABC, abstractmethod
from functools import partial
from time import monotonic

from hamms_trio.http.serving.service import FOREVER, Service
from hamms_trio.net.accepted import Handover
from hamms_trio.net.hub import IN, OUT, Hub
from hamms_trio.net.resets import reset_and_close

try:
    import fcntl
except ImportError:  # Windows, which does not tell what it has not sent either
    fcntl = None  # type: ignore[assignment]

_SIOCOUTQNSD = 0x894B  # linux/sockios.h


class BufferedSocket(ABC):
    """An open socket, until it is closed or reset; the hub reports events to the subclass."""

    __slots__ = ("_events", "_fd", "_hub", "_out", "_out_due", "_out_since", "_service", "_socket")

    def __init__(self, hub: Hub, service: Service, sock: socket.socket) -> None:
        self._hub = hub
        self._service = service
        self._socket = sock
        self._fd = sock.fileno()  # negative once it has ended
        self._events = IN
        self._out: memoryview | None = None  # the octets that the client has not made room for yet
        self._out_due = FOREVER
        self._out_since = 0.0
        hub.watch(self._fd, self, IN)
        service.connections += 1

    @property
    def group(self) -> str:
        """See `net.hub.Watcher`."""
        return "http"

    @abstractmethod
    def on_event(self, events: int) -> None:
        """See `net.hub.Watcher`."""

    @abstractmethod
    def abandon(self) -> None:
        """See `net.hub.Watcher`."""

    def abort(self) -> None:
        """Reset the connection."""
        if self._fd >= 0:
            sock = self._socket
            self._forget()
            reset_and_close(sock)

    def evict(self) -> None:
        """Reset the connection soon, since the backlog is full and the client does not read (see `Backlog`).

        Not at once: another connection's event is being served, and a new connection might get the descriptor
        before this one's own event is served.
        """
        self._hub.call_next(self._reset_unread)

    def _reset_unread(self) -> None:
        if self._out is not None:
            self._service.account.write_errors["BacklogFull"] += 1
            self.abort()

    def _write(self, octets: bytes) -> None:
        """Hand octets to the kernel, and keep those that do not fit."""
        try:
            sent = self._socket.send(octets)
        except BlockingIOError:
            sent = 0
        if sent < len(octets):
            self._wait_for(memoryview(octets)[sent:])

    def _write_rest(self) -> bool:
        """Hand over the octets that were kept, now that there is room; return True if that was all."""
        if self._out:
            sent = self._socket.send(self._out)
            self._out_due = monotonic() + self._service.limits.send_seconds
            if sent < len(self._out):
                self._out = self._out[sent:]
                self._keep(self._out)
                return False
            self._service.backlog.release(self)
        self._out = None
        return True

    def _wait_for(self, rest: memoryview) -> None:
        """Write the rest once there is room, and read nothing until then."""
        if self._out is None:
            self._out_since = self._service.clock()
        self._out = rest
        if rest:
            self._keep(rest)
        self._out_due = monotonic() + self._service.limits.send_seconds
        self._watch(OUT)

    def _keep(self, rest: memoryview) -> None:
        """Report the rest to the backlog, and that the client has just read some; all of its octets are kept."""
        self._service.backlog.keep(self, memoryview(rest.obj).nbytes)

    @property
    def _unsent(self) -> int:
        """Octets for which the client has no room; 0 where the kernel does not say."""
        if fcntl is None:
            return 0
        try:
            answered = fcntl.ioctl(self._fd, _SIOCOUTQNSD, bytes(struct.calcsize("i")))
        except OSError:
            return 0
        octets: int = struct.unpack("i", answered)[0]
        return octets

    def _watch(self, events: int) -> None:
        if events != self._events:
            self._events = events
            self._hub.rewatch(self._fd, events)

    def _close(self) -> None:
        if self._fd >= 0:
            self._forget()
            self._socket.close()

    def _forget(self) -> None:
        self._detach()
        _count_off(self._service)
        self._on_end()

    def _detach(self) -> None:
        self._hub.forget(self._fd)
        self._fd = -1
        self._out = None
        self._service.backlog.release(self)

    def _release(self, client: tuple[str, int], octets: bytes) -> Handover:
        """Stop watching, and give the open connection away; it counts as ours until its new owner ends it."""
        self._detach()
        on_end = partial(_count_off, self._service)
        return Handover(self._socket, client, octets, on_end=on_end)

    @abstractmethod
    def _on_end(self) -> None:
        """Wake a task that waits for this connection: it has ended."""


def _count_off(service: Service) -> None:
    """Count a connection no more."""
    service.connections -= 1
    service.announce_vacancy()
    service.announce_end()
