"""TLS over a peer's connection: the content above, the records below, and a hook for each record that leaves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from hamms_trio.errors import PeerGone, TlsBroken, TlsFailure
from hamms_trio.modes.peers.connection import ModeObserver, PeerConnection
from hamms_trio.net.record_layer import ENDED_EARLY, RecordLayer
from hamms_trio.wire.tls.alerts import alert_of
from hamms_trio.wire.tls.records import Record, split_records

WRITE_OCTETS = 64 * 1024  # of content that are encrypted at a time
RECORDS_IN_ONE_GO = 1024  # where each has few octets

T = TypeVar("T")
SendOctets = Callable[[bytes], Awaitable[None]]
Carry = Callable[[list[Record]], Awaitable[None]]


class TlsConnection:
    """The content of a TLS connection, for a peer above it (see `modes.peers.connection`).

    Args:
        send: sends records, at the pace of the modifiers.

    Attributes:
        below: the connection beneath.
        layer: OpenSSL's state.
        carry: sends the records that are ready, instead of ``send``; a failure mode sets it, to lie.
        record_octets: of content in each record at most; 0 for as many as TLS allows.
    """

    __slots__ = ("_content", "_send", "below", "carry", "layer", "observer", "record_octets")

    def __init__(self, below: PeerConnection, layer: RecordLayer, send: SendOctets) -> None:
        self.below = below
        self._send = send
        self.layer = layer
        self.observer: ModeObserver = below.observer
        self.carry: Carry | None = None
        self.record_octets = 0
        self._content = b""  # that was given back

    async def shake_hands(self, deadline: float | None = None) -> None:
        """Complete the handshake.

        Raises:
            PeerGone: the client has left.
            TlsBroken: the handshake has failed.
            TimeoutError: it is not complete at ``deadline``.
        """
        try:
            while not await self._stepped(self.layer.shake_hands):
                await self._feed(deadline)
        except PeerGone:
            self.observer.note_handshake_failed("RESET")
            raise
        except TimeoutError:
            self.observer.note_handshake_failed("TIMEOUT")
            raise
        self.observer.note_handshake(self.layer.agreed)

    async def receive(self, deadline: float | None = None) -> bytes:
        if self._content:
            content, self._content = self._content, b""
            return content
        if self.layer.is_closed:
            await self._receive_close(deadline)
            return b""
        while (received := await self._stepped(self.layer.read)) is None:
            await self._feed(deadline)
        if not received:
            self.observer.note_close_notify(True)
        return received

    async def drain(self, hear: Callable[[bytes], None], deadline: float | None = None) -> None:
        with suppress(TimeoutError, PeerGone):
            while octets := await self.receive(deadline):
                hear(octets)

    async def send(self, data: bytes | memoryview) -> None:
        octets = memoryview(data)
        in_one_go = min(self.record_octets * RECORDS_IN_ONE_GO or WRITE_OCTETS, WRITE_OCTETS)
        for at in range(0, len(octets), in_one_go):
            await self._write(octets[at : at + in_one_go])
            self.observer.sent_content(octets[at : at + in_one_go])

    async def close_notify(self) -> None:
        """Send close_notify, and no FIN."""
        self.layer.close()
        await self._flush()

    async def send_eof(self) -> None:
        await self.close_notify()
        await self.below.send_eof()

    def reset(self) -> None:
        self.below.reset()

    def now(self) -> float:
        return self.below.now()

    def wait_left(self, deadline: float | None = None) -> Awaitable[None]:
        return self.below.wait_left(deadline)

    def send_urgent(self, octet: bytes) -> Awaitable[None]:
        return self.below.send_urgent(octet)

    def sleep(self, seconds: float) -> Awaitable[None]:
        return self.below.sleep(seconds)

    def client_keeps_alive(self) -> bool | None:
        return self.below.client_keeps_alive()

    def pause(self) -> Awaitable[None]:
        return self.below.pause()

    def give_back(self, octets: bytes) -> None:
        self._content = octets + self._content

    @property
    def is_lent(self) -> bool:
        return False  # the giver could not go on with OpenSSL's state

    def return_to_giver(self, octets: bytes) -> None:
        raise AssertionError("a TLS connection has no giver")

    async def _write(self, octets: memoryview) -> None:
        size = self.record_octets or len(octets)
        try:
            for at in range(0, len(octets), size):
                self.layer.write(octets[at : at + size])
        except TlsFailure as error:
            raise TlsBroken from error
        await self._flush()

    async def _receive_close(self, deadline: float | None) -> None:
        """Read up to the client's FIN; drop its content, and record its close_notify."""
        has_come = self.layer.is_closed_by_client()
        try:
            while octets := await self.below.receive(deadline):
                if not has_come:
                    self.layer.feed(octets)
                    has_come = self.layer.is_closed_by_client()
        finally:
            self.observer.note_close_notify(has_come)

    async def _stepped(self, step: Callable[[], T]) -> T:
        """Take one step of OpenSSL's, and send what it has written, which may be an alert."""
        try:
            result = step()
        except TlsFailure as error:
            if (code := alert_of(str(error))) is not None:
                self.observer.note_alert(code)
            elif str(error) == ENDED_EARLY:
                self.observer.note_close_notify(False)
            if not self.layer.is_established:
                self.observer.note_handshake_failed(str(error))
            await self._flush()
            raise TlsBroken from error
        await self._flush()
        return result

    async def _feed(self, deadline: float | None) -> None:
        octets = await self.below.receive(deadline)
        self.layer.feed(octets)

    async def _flush(self) -> None:
        """Send the records that wait."""
        octets = self.layer.take()
        if not octets:
            return
        if self.carry is None:
            await self._send(octets)
            return
        records, rest = split_records(octets)
        assert not rest  # OpenSSL writes whole records
        await self.carry(records)
