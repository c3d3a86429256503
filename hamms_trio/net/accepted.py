"""A client's connection: a socket on the hub that can be reset, and handed over to another owner."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from hamms_trio.net.observer import Ending, Observer
from hamms_trio.net.resets import reset_and_close
from hamms_trio.net.socket import HubSocket, Socket


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """The answer that a new owner gave to the request with which it received the connection.

    Attributes:
        status: None if no status line went out.
        octets: sent in answer.
    """

    status: int | None
    octets: int


@dataclass(slots=True, eq=False)  # not frozen, which costs a microsecond for each connection
class Handover:
    """A connection that one owner hands to another; the new owner watches and closes it.

    Attributes:
        sock: a non-blocking socket that no hub watches; it may speak TLS.
        client: the client's address and port.
        octets: octets that are read but not used.
        observer: the connection's record, if the former owner kept one.
        on_end: the callback for the end of the connection, which uncounts the connection and closes its record.
        giver: takes the connection back, once the new owner has no more use for it; None if nobody does.
        on_answered: called by the new owner before it closes the connection, or gives it back.
    """

    sock: Socket
    client: tuple[str, int]
    octets: bytes = b""
    observer: Observer | None = None
    on_end: Callable[[], None] = lambda: None
    giver: Callable[[Handover], None] | None = None
    on_answered: Callable[[GivenAnswer], None] | None = None


class AcceptedSocket(HubSocket):
    """The base of a server's side of a connection."""

    __slots__ = ()

    def reset(self) -> None:
        """Reset the connection; the client sees RST."""
        if self.is_open:
            self._detach()
            if self._observer is not None:
                self._observer.note_ended(Ending.RST)
            reset_and_close(cast(socket.socket, self._socket))

    def release(self, client: tuple[str, int], octets: bytes = b"") -> Handover:
        """Stop watching and return the open connection for another owner.

        Args:
            client: the client's address and port.
            octets: octets that are read but not used; they precede those that were read ahead.
        """
        self._detach()
        return Handover(self._socket, client, octets + self._octets, self._observer)
