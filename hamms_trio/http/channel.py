"""A client's socket on the hub: what is written to it waits for room here, and here it ends."""

from __future__ import annotations

import socket
import struct
from abc import ABC, abstractmethod
from time import monotonic

from hamms_trio.http.answers import FOREVER
from hamms_trio.http.service import Service
from hamms_trio.net.hub import IN, OUT, Hub
from hamms_trio.net.resets import reset_and_close

try:
    import fcntl
except ImportError:  # Windows, which does not tell what it has not sent either
    fcntl = None  # type: ignore[assignment]

_SIOCOUTQNSD = 0x894B  # linux/sockios.h


class Channel(ABC):
    """An open socket, until it is closed or reset; whoever extends this is told its events by the hub."""

    __slots__ = ("_events", "_fd", "_hub", "_out", "_out_due", "_out_since", "_service", "_socket")

    def __init__(self, hub: Hub, service: Service, sock: socket.socket) -> None:
        self._hub = hub
        self._service = service
        self._socket = sock
        self._fd = sock.fileno()  # negative once it has ended
        self._events = IN
        self._out: memoryview | None = None  # what the client has not made room for yet
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

    def let_go(self) -> None:
        """End soon, since there is no room for what its client does not read (see `backlog`).

        Not at once: another connection's event is being served, and the descriptor might be somebody else's
        before this one's own event is.
        """
        self._hub.call_next(self._give_up)

    def _give_up(self) -> None:
        if self._out is not None:
            self._service.account.write_errors["BacklogFull"] += 1
            self.abort()

    def _write(self, octets: bytes) -> None:
        """Hand octets to the kernel, and keep what it has no room for."""
        try:
            sent = self._socket.send(octets)
        except BlockingIOError:
            sent = 0
        if sent < len(octets):
            self._wait_for(memoryview(octets)[sent:])

    def _write_rest(self) -> bool:
        """Hand over what was kept, now that there is room; whether that was all."""
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
        """Write this once there is room, and read nothing until then."""
        if self._out is None:
            self._out_since = self._service.clock()
        self._out = rest
        if rest:
            self._keep(rest)
        self._out_due = monotonic() + self._service.limits.send_seconds
        self._watch(OUT)

    def _keep(self, rest: memoryview) -> None:
        """Have the backlog know of it, and that its client has just read some; it is kept as a whole."""
        self._service.backlog.keep(self, memoryview(rest.obj).nbytes)

    @property
    def _unsent(self) -> int:
        """Octets for which the client has no room; 0 where the kernel does not tell."""
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
        self._hub.forget(self._fd)
        self._fd = -1
        self._out = None
        self._service.backlog.release(self)
        self._service.connections -= 1
        for tell in self._service.on_vacancy:
            tell()
        self._service.stir()
        self._on_end()

    @abstractmethod
    def _on_end(self) -> None:
        """Have whoever waits for this connection know that it has ended."""
