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
class Handover:
    """A connection on its way from one owner to another, who watches and at last closes it.

    Attributes:
        sock: non-blocking, and watched by nobody; it may speak TLS.
        client: the client's address and port.
        octets: read from the client, and not used yet.
        observer: the connection's record, if the giver kept one.
        on_end: the new owner calls it once the connection has ended, so that it is counted no more. If it comes
            with an observer, that is closed then.
        giver: takes the connection back, once the new owner has no more use for it; None if nobody does.
    """

    sock: Socket
    client: tuple[str, int]
    octets: bytes = b""
    observer: Observer | None = None
    on_end: Callable[[], None] = lambda: None
    giver: Callable[[Handover], None] | None = None


class AcceptedSocket(HubSocket):
    """The base of whatever serves a client."""

    __slots__ = ()

    def reset(self) -> None:
        """Have the client see RST."""
        if self.is_open:
            self._detach()
            if self._observer is not None:
                self._observer.note_ended(Ending.RST)
            reset_and_close(cast(socket.socket, self._socket))

    def release(self, client: tuple[str, int], octets: bytes = b"") -> Handover:
        """Stop watching, and give the open connection away.

        Args:
            octets: read and not used; they come before those that were read ahead.
        """
        self._detach()
        return Handover(self._socket, client, octets + self._octets, self._observer)
