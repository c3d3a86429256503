"""A socket on the hub: the base class of every connection.

The base reads, writes as much as the kernel takes, can buffer the rest, distinguishes a stale event from a loss,
and closes. Errors of the kernel arrive as OSError, except "would block".
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Hashable
from typing import Protocol, cast

from hamms_trio.net.hubs.hub import IN, OUT, Hub
from hamms_trio.net.observer import Ending, Observer, how_lost

WRITE_IN_ONE_GO = 256 * 1024  # buffered octets to write before other connections have their turn

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Socket(Protocol):
    """A non-blocking socket: TCP's, TLS's, or one in memory (`hamms_trio.testing.memory`)."""

    def fileno(self) -> int: ...
    def recv(self, bufsize: int, flags: int = ..., /) -> bytes: ...
    def send(self, data: bytes | memoryview, flags: int = ..., /) -> int: ...
    def getsockopt(self, level: int, option: int, /) -> int: ...
    def shutdown(self, how: int, /) -> None: ...
    def close(self) -> None: ...


class HubSocket:
    """A socket that its hub watches until it is closed, reset or released.

    Args:
        sock: a non-blocking socket, connected or connecting.
        events: the events to watch for at first.
        octets: octets that an earlier owner has read; `read` returns them first.

    Raises:
        OSError: the kernel has no memory for the registration; the caller closes the socket.
    """

    __slots__ = ("_events", "_fd", "_hub", "_observer", "_octets", "_socket", "_unsent")

    def __init__(
        self,
        hub: Hub,
        sock: Socket,
        events: int = IN,
        octets: bytes = b"",
        observer: Observer | None = None,
    ) -> None:
        self._hub = hub
        self._socket = sock
        self._fd = sock.fileno()  # negative once closed, reset or released
        self._events = events
        self._octets = octets
        self._unsent: bytes | memoryview = b""  # buffered until the kernel has room
        self._observer = observer
        hub.watch(self._fd, self, events)

    # The hub's calls (see `hub.Watcher`)

    @property
    def group(self) -> Hashable:
        return None

    def on_event(self, events: int) -> None:
        raise NotImplementedError

    def abandon(self) -> None:
        self.close()

    # Octets

    def read(self, most: int) -> bytes | None:
        """Return received octets, none at the end of input, or None if the event is stale.

        A stale event belongs to an earlier owner of the descriptor.

        Raises:
            OSError: the connection is lost; the observer knows how.
        """
        if self._octets:
            octets, self._octets = self._octets[:most], self._octets[most:]
            return octets
        return self._read(most)

    def read_ahead(self, most: int) -> bool:
        """Buffer input before it is wanted, up to ``most`` octets in all; return True if there may be more.

        On hubs without `LEFT` events, only a read shows that the client has left.

        Raises:
            OSError: the connection is lost; the observer knows how.
        """
        room = most - len(self._octets)
        octets = self._read(room) if room > 0 else b""
        if octets:
            self._octets += octets
        return octets is None or 0 < len(octets) < room

    def write(self, octets: bytes | memoryview, flags: int = 0) -> int:
        """Write as many octets as the kernel has room for, and return their number.

        Args:
            flags: those of send(2).

        Raises:
            OSError: the connection is lost; the observer knows how.
        """
        try:
            sent = self._socket.send(octets, flags)
        except _NOT_NOW:
            return 0
        except OSError as error:
            self._note_lost(error)
            raise
        if self._observer is not None:
            self._observer.sent(octets, sent)
        return sent

    def write_or_keep(self, octets: bytes | memoryview) -> bool:
        """Write octets, buffer those that do not fit, and return True if none are buffered.

        If any are, the caller watches for `OUT` and then calls `write_kept`.

        Raises:
            OSError: the connection is lost.
        """
        if self._unsent:
            self._unsent = b"".join((self._unsent, octets))
            return False
        sent = self.write(octets)
        if sent < len(octets):
            self._unsent = memoryview(octets)[sent:]
            return False
        return True

    def write_kept(self, most: int = WRITE_IN_ONE_GO) -> bool:
        """Write about ``most`` buffered octets; return True if none are left.

        Raises:
            OSError: the connection is lost.
        """
        while self._unsent and most > 0:
            sent = self.write(self._unsent)
            if not sent:
                return False
            self._unsent = memoryview(self._unsent)[sent:] if sent < len(self._unsent) else b""
            most -= sent
        return not self._unsent

    def loss(self) -> OSError | None:
        """Return the error that ended the connection, after a `hub.LOST`; None if the event is stale."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except _NOT_NOW:
            return None
        except OSError as error:
            # The traceback refers to the caller's frame, which would make a cycle there.
            return error.with_traceback(None)
        return OSError(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "")

    # Watching

    @property
    def is_open(self) -> bool:
        """True until the socket is closed, reset or released."""
        return self._fd >= 0

    def watch_for(self, events: int) -> None:
        """Change the events to watch for."""
        if events != self._events:
            self._events = events
            self._hub.rewatch(self._fd, events)

    def exchange(self, wrap: Callable[[socket.socket], socket.socket]) -> None:
        """Replace the socket by one around the same connection, such as a TLS socket.

        Raises:
            OSError, ValueError: ``wrap`` failed and has closed the socket.
        """
        self._hub.forget(self._fd)
        self._fd = -1
        self._socket = sock = wrap(cast(socket.socket, self._socket))
        self._fd = sock.fileno()
        self._hub.watch(self._fd, self, self._events)

    def shake_hands(self, tls: ssl.SSLSocket) -> bool:
        """Continue a TLS handshake, watch for the event that it needs next, and return True once it is complete.

        Raises:
            OSError, ValueError: the handshake failed; ssl.SSLError is an OSError.
        """
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self.watch_for(IN)
        except ssl.SSLWantWriteError:
            self.watch_for(OUT)
        else:
            return True
        return False

    # Ending

    def finish(self) -> None:
        """Send FIN; the client may still send octets.

        Raises:
            OSError: the connection is lost.
        """
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._note_lost(error)
            raise
        if self._observer is not None:
            self._observer.note_ended(Ending.FIN)

    def close(self) -> None:
        """Close the socket with FIN; the kernel resets if octets are unread."""
        if self._fd >= 0:
            self._detach()
            if self._observer is not None:
                self._observer.note_ended(Ending.FIN)
        self._socket.close()

    def _detach(self) -> None:
        """Stop watching; every way of leaving the hub goes through here."""
        self._hub.forget(self._fd)
        self._fd = -1
        self._unsent = b""

    def _read(self, most: int) -> bytes | None:
        try:
            octets = self._socket.recv(most)
        except _NOT_NOW:
            return None
        except OSError as error:
            self._note_lost(error)
            raise
        if self._observer is not None:
            if octets:
                self._observer.received(len(octets))
            else:
                self._observer.note_left(Ending.FIN)
        return octets

    def _note_lost(self, error: OSError) -> None:
        if self._observer is not None:
            self._observer.note_left(how_lost(error))
