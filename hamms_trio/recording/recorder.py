"""The observers of connections: each calls the ledger, and builds events only if somebody subscribes."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

from hamms_trio.events import (
    Argument,
    BodyReceived,
    Closed,
    Ended,
    HeadReceived,
    Left,
    Met,
    Opened,
    Received,
    Reset,
    Sent,
    Slept,
    Struck,
)
from hamms_trio.net.observer import Ending
from hamms_trio.recording.bus import Bus
from hamms_trio.recording.ledger import ConnectionRecord, Ledger, RequestRecord
from hamms_trio.wire import RequestHead


class Recorder:
    """One connection's observer (see `net.observer` and `modes.connection`)."""

    __slots__ = ("_bus", "_ledger", "_request", "_slug", "record")

    def __init__(self, ledger: Ledger, bus: Bus, record: ConnectionRecord) -> None:
        self.record = record
        self._slug = record.slug  # of every request, unless its door lets each choose
        self._ledger = ledger
        self._bus = bus
        self._request: RequestRecord | None = None

    @property
    def name(self) -> str:
        return self.record.slug or self.record.door

    @property
    def door(self) -> str:
        return self.record.door

    # The carrier's calls

    def received(self, octets: int) -> None:
        self.record.octets_received += octets
        if self._bus.is_heard:
            self._bus.publish(Received(self.record.number, monotonic(), octets))

    def sent(self, data: bytes | memoryview, octets: int) -> None:
        self._ledger.add_sent(self.record, self._request, data, octets)
        if self._bus.is_heard:
            self._bus.publish(Sent(self.record.number, monotonic(), octets))

    def slept(self, seconds: float) -> None:
        if self._bus.is_heard:
            self._bus.publish(Slept(self.record.number, monotonic(), seconds))

    def note_left(self, how: Ending) -> None:
        if self._bus.is_heard and self.record.left is None:
            self._bus.publish(Left(self.record.number, monotonic(), how.value))
        self._ledger.leave(self.record, how)

    def note_ended(self, how: Ending) -> None:
        if self.record.ended is not None:
            return
        self.record.ended = how
        if self._bus.is_heard:
            event = Reset if how is Ending.RST else Ended
            self._bus.publish(event(self.record.number, monotonic()))

    def closed(self) -> None:
        if self._bus.is_heard and not self.record.closed:
            self._bus.publish(Closed(self.record.number, monotonic()))
        self._ledger.close(self.record)

    # The peer's calls

    def head(self, head: RequestHead) -> None:
        """Note a request whose head is complete."""
        self._request = self._ledger.add_request(self.record, head, self._slug)
        if self._bus.is_heard:
            number, at = self.record.number, monotonic()
            self._bus.publish(HeadReceived(number, at, head.method, head.target, head.fields))

    def body(self, data: bytes) -> None:
        """Note some of the last request's content."""
        if self._request is not None:
            self._ledger.add_body(self._request, data)
        if self._bus.is_heard:
            self._bus.publish(BodyReceived(self.record.number, monotonic(), len(data)))

    def met(self, slug: str, arguments: Mapping[str, Argument], ignored: tuple[str, ...]) -> None:
        """Note the failure mode that the client, or its last request, meets."""
        self.record.slug = slug
        request = self._request
        if request is not None:
            request.slug = slug
            request.arguments = arguments
            request.ignored_parameters = ignored
        if self._bus.is_heard:
            event = Met(self.record.number, monotonic(), slug, dict(arguments), ignored)
            self._bus.publish(event)

    def struck(self, slug: str, arguments: Mapping[str, Argument], key: str) -> None:
        """Note that the failure mode plays its fault."""
        self._ledger.add_strike(self._request, slug, key)
        if self._bus.is_heard:
            self._bus.publish(Struck(self.record.number, monotonic(), slug, dict(arguments), key))


class Recording:
    """The recording of one server: its ledger and its bus."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.bus = Bus()

    def opened(self, door: str, slug: str, client: tuple[str, int]) -> Recorder:
        """Observe a connection that was accepted; ``slug`` is "" if its requests decide."""
        record = self.ledger.open(door, slug, client)
        if self.bus.is_heard:
            self.bus.publish(Opened(record.number, record.opened, door, client))
        return Recorder(self.ledger, self.bus, record)
