"""The client of a failure mode as one that speaks TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hamms_trio.errors import PeerGone, SpeaksTls, TermsUnavailable
from hamms_trio.modes.peers.tls_connection import Carry, TlsConnection
from hamms_trio.net.record_layer import RecordLayer
from hamms_trio.pki.terms import HEALTHY_TERMS, Terms
from hamms_trio.wire.tls.client_hello import ClientHello, is_tls, read_client_hello
from hamms_trio.wire.tls.records import AlertLevel, ContentType, alert_octets, split_records

if TYPE_CHECKING:
    from hamms_trio.modes.peers.peer import Peer

# Seconds of real time; a key that is made in a thread takes about ten times as long.
LOOK_AGAIN_SECONDS = 0.01
ALERT_OCTETS = 2  # its level and its code; an encrypted one has more


class TlsPeer:
    """The same client, and a handshake with it."""

    __slots__ = ("_octets", "_peer")

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._octets = b""  # the ClientHello's, and what follows it

    async def is_spoken(self) -> bool:
        """Wait for the client's first octets, and return True if they begin TLS; consume none.

        Raises:
            PeerGone: the client sent nothing for too long.
        """
        connection = self._peer.connection
        try:
            octets = await connection.receive(connection.now() + self._peer.environment.limits.idle)
        except TimeoutError:
            await self._peer.finish()
            raise PeerGone from None
        connection.give_back(octets)
        return is_tls(octets)

    async def receive_hello(self) -> ClientHello:
        """Read the ClientHello, and keep its octets for the handshake.

        Raises:
            SpeaksTls: the client does not speak TLS; its octets are given back.
            MalformedRequest: the client's first octets are no ClientHello.
            PeerGone: the client has left, or its ClientHello was not complete in time.
        """
        connection = self._peer.connection
        deadline = connection.now() + self._peer.environment.limits.head
        while (hello := read_client_hello(self._octets)) is None:
            try:
                octets = await connection.receive(deadline)
            except TimeoutError:
                raise PeerGone from None
            if not octets:
                raise PeerGone
            self._octets += octets
            if not is_tls(self._octets):
                connection.give_back(self._octets)
                raise SpeaksTls("this port speaks TLS: use https://")
        connection.observer.note_hello(hello.server_name, hello.protocols)
        return hello

    def give_back_hello(self) -> None:
        """Let the ClientHello be read again, by another peer on this connection."""
        octets, self._octets = self._octets, b""
        self._peer.connection.give_back(octets)

    def overhear(self, octets: bytes) -> None:
        """Record the alerts with which a client answers TLS that it can't accept."""
        for record in split_records(octets)[0]:
            if record.type == ContentType.ALERT and len(record.fragment) == ALERT_OCTETS:
                self._peer.connection.observer.note_alert(record.fragment[1])

    def begin(self, terms: Terms = HEALTHY_TERMS, *, carry: Carry | None = None) -> TlsConnection:
        """Begin TLS on the connection, from the ClientHello on; send nothing yet.

        Args:
            carry: sends each record instead of the connection itself (see `TlsConnection`).

        Raises:
            PeerGone: this system's OpenSSL can't keep the terms, which is logged.
        """
        try:
            context = self._peer.environment.contexts.context(terms)
        except TermsUnavailable as error:
            name = self._peer.connection.observer.name
            self._peer.environment.warn(f"{name} is not available: {error}")
            raise PeerGone from error
        layer = RecordLayer(context)
        if self._octets:
            layer.feed(self._octets)
            self._octets = b""
        begun = TlsConnection(self._peer.connection, layer, self._peer.send)
        begun.carry = carry
        return begun

    async def shake_hands(
        self, terms: Terms = HEALTHY_TERMS, *, carry: Carry | None = None
    ) -> TlsConnection:
        """Complete the handshake, and return the connection for a peer above it (see `Peer.over`).

        Raises:
            PeerGone: the client has left, or the handshake has failed.
        """
        below = self._peer.connection
        contexts = self._peer.environment.contexts
        while not contexts.has(terms):
            await below.sleep(LOOK_AGAIN_SECONDS)
        connection = self.begin(terms, carry=carry)
        try:
            await connection.shake_hands(below.now() + self._peer.environment.limits.head)
        except TimeoutError:
            raise PeerGone from None
        return connection

    async def alert(self, code: int, level: int = AlertLevel.FATAL) -> None:
        """Send an alert that is not encrypted, whatever the client awaits."""
        await self._peer.send(alert_octets(code, level))
