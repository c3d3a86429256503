"""The events of a server: each thing that happens on a connection, with its time.

They are built only while somebody subscribes (see `recording.bus`); the ledger is called with plain values.
"""

from __future__ import annotations

import msgspec

Argument = int | float | str | bool | None


class Event(msgspec.Struct, frozen=True, gc=False, tag=True):
    """One thing that happened on the connection of this number, at this time of `time.monotonic`."""

    connection: int
    at: float


class Opened(Event, frozen=True, gc=False):
    """The server accepted a connection."""

    door: str
    client: tuple[str, int]


class HelloReceived(Event, frozen=True, gc=False):
    """A ClientHello came: the host in its SNI, or None, and the protocols that it offers by ALPN."""

    server_name: str | None
    offered: tuple[str, ...]


class HandshakeDone(Event, frozen=True, gc=False):
    """A TLS handshake is complete; ``protocol`` is the one that ALPN has chosen, or None."""

    version: str | None
    cipher: str | None
    protocol: str | None
    server_name: str | None
    is_resumed: bool
    has_client_certificate: bool


class HandshakeFailed(Event, frozen=True, gc=False):
    """A TLS handshake failed, for OpenSSL's reason, or for ``TIMEOUT`` or ``RESET``."""

    reason: str
    server_name: str | None


class AlertReceived(Event, frozen=True, gc=False):
    """The client sent an alert of TLS (RFC 8446 §6)."""

    code: int
    name: str


class Received(Event, frozen=True, gc=False):
    """Octets came in."""

    octets: int


class HeadReceived(Event, frozen=True, gc=False):
    """A request's head is complete."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]


class BodyReceived(Event, frozen=True, gc=False):
    """Some of a request's content was read."""

    octets: int


class Met(Event, frozen=True, gc=False):
    """A client, or its request, met a failure mode; the door ignored these parameters."""

    mode: str
    arguments: dict[str, Argument]
    ignored: tuple[str, ...]


class Struck(Event, frozen=True, gc=False):
    """A failure mode played its fault."""

    mode: str
    arguments: dict[str, Argument]
    key: str


class Played(Event, frozen=True, gc=False):
    """A failure mode is at its end: the client gets no more octets for this request, or for this connection."""


class Answered(Event, frozen=True, gc=False):
    """The well-behaved server answered a request; ``status`` is 0 if a failure mode sent no status at all."""

    door: str
    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    status: int
    octets_received: int
    octets_sent: int
    seconds: float
    request_id: str


class Sent(Event, frozen=True, gc=False):
    """The kernel took octets for the client."""

    octets: int


class Slept(Event, frozen=True, gc=False):
    """A failure mode let real seconds pass."""

    seconds: float


class Left(Event, frozen=True, gc=False):
    """The client left, by ``FIN`` or ``RST``, or vanished."""

    how: str


class Reset(Event, frozen=True, gc=False):
    """The server reset the connection."""


class Ended(Event, frozen=True, gc=False):
    """The server sent its FIN."""


class Closed(Event, frozen=True, gc=False):
    """The server closed the socket: nothing more comes of this connection."""


class Lost(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A subscriber was too slow and lost so many events at this point."""

    number: int
