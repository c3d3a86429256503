"""The observers of connections: each calls the ledger, and builds events only if somebody subscribes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from hamms_trio.errors import MalformedRequest
from hamms_trio.net.accepted import GivenAnswer
from hamms_trio.net.observer import Ending
from hamms_trio.net.record_layer import Agreed
from hamms_trio.recording.bus import Bus
from hamms_trio.recording.ledger import ConnectionRecord, Ledger, RequestRecord
from hamms_trio.recording.records import Meeting, TlsRecord
from hamms_trio.wire import RequestHead
from hamms_trio.wire.tls.alerts import alert_of
from hamms_trio.wire.tls.client_hello import read_client_hello


class Watch:
    """The observer of a well-behaved server's connection, which the bus's subscribers see and the ledger does not.

    Attributes:
        number: the connection's; no connection of a failure mode has the same one.
        is_lent: True once another owner has the connection, who then reports its end.

    Args:
        settle: publishes the exchanges that have ended, which precede any end of the connection.
    """

    __slots__ = ("_bus", "_server_name", "_settle", "is_lent", "number")

    def __init__(self, bus: Bus, number: int, settle: Callable[[], None]) -> None:
        self._bus = bus
        self._settle = settle
        self.number = number
        self.is_lent = False
        self._server_name: str | None = None

    def received(self, octets: int) -> None:
        if (publisher := self._bus.publisher) is not None:
            publisher.received(self.number, octets)

    def sent(self, data: bytes | memoryview, octets: int) -> None:
        if (publisher := self._bus.publisher) is not None:
            publisher.sent(self.number, octets)

    def note_hello(self, octets: bytes) -> None:
        """Note the ClientHello of a client of TLS, unless its octets were not kept, or are no whole ClientHello."""
        try:
            hello = read_client_hello(octets)
        except MalformedRequest:
            return
        if hello is None:
            return
        self._server_name = hello.server_name
        if (publisher := self._bus.publisher) is not None:
            publisher.hello(self.number, hello.server_name, hello.protocols)

    def note_handshake(self, agreed: Agreed) -> None:
        """Note that a handshake is complete."""
        if (publisher := self._bus.publisher) is not None:
            publisher.handshake_done(self.number, self._server_name, agreed)

    def note_handshake_failed(self, reason: str) -> None:
        """Note that a handshake has failed, perhaps by an alert of the client."""
        if (publisher := self._bus.publisher) is not None:
            if (code := alert_of(reason)) is not None:
                publisher.alert(self.number, code)
            publisher.handshake_failed(self.number, self._server_name, reason)

    def note_left(self, how: Ending) -> None:
        if (publisher := self._bus.publisher) is not None:
            self._settle()
            publisher.left(self.number, how)

    def note_ended(self, how: Ending) -> None:
        if (publisher := self._bus.publisher) is not None:
            self._settle()
            publisher.ended(self.number, how)

    def closed(self) -> None:
        if not self.is_lent and (publisher := self._bus.publisher) is not None:
            self._settle()
            publisher.closed(self.number)


class Recorder:
    """One connection's observer (see `net.observer` and `modes.connection`)."""

    __slots__ = (
        "_bus",
        "_is_secure",
        "_ledger",
        "_meeting",
        "_request",
        "_struck",
        "record",
        "requests",
    )

    def __init__(self, ledger: Ledger, bus: Bus, record: ConnectionRecord) -> None:
        self.record = record
        self._meeting = _meeting_of(record.slug)  # of every request, unless each chooses its own
        self._ledger = ledger
        self._bus = bus
        self._request: RequestRecord | None = None
        self._is_secure = False  # True once a handshake is complete
        self._struck = False  # True if the fault was played before any request
        self.requests = 0

    @property
    def number(self) -> int:
        return self.record.number

    @property
    def answered(self) -> GivenAnswer:
        """The answer to the last request, as it went over the wire."""
        request = self._request
        if request is None:
            return GivenAnswer(None, 0)
        return GivenAnswer(request.status, request.octets_sent)

    @property
    def name(self) -> str:
        return self.record.slug or self.record.door

    @property
    def door(self) -> str:
        return self.record.door

    @property
    def group(self) -> tuple[str, str]:
        return self.record.door, self.record.slug

    # The carrier's calls

    def received(self, octets: int) -> None:
        self.record.octets_received += octets
        if (publisher := self._bus.publisher) is not None:
            publisher.received(self.record.number, octets)

    def sent(self, data: bytes | memoryview, octets: int) -> None:
        if self._is_secure:
            self.record.octets_sent += octets
        else:
            self._ledger.add_sent(self.record, self._request, data, octets)
        if (publisher := self._bus.publisher) is not None:
            publisher.sent(self.record.number, octets)

    def slept(self, seconds: float) -> None:
        if (publisher := self._bus.publisher) is not None:
            publisher.slept(self.record.number, seconds)

    def note_left(self, how: Ending) -> None:
        if self.record.left is None:
            self._ledger.leave(self.record, how)
            if (publisher := self._bus.publisher) is not None:
                publisher.left(self.record.number, how)

    def note_ended(self, how: Ending) -> None:
        if self.record.ended is None:
            self.record.ended = how
            self.record.ended_first = self.record.left is None
            if (publisher := self._bus.publisher) is not None:
                publisher.ended(self.record.number, how)

    def closed(self) -> None:
        if not self.record.closed:
            self._ledger.close(self.record)
            if (publisher := self._bus.publisher) is not None:
                publisher.closed(self.record.number)

    # The peer's calls

    def note_keep_alive(self, keeps_alive: bool) -> None:
        self.record.keeps_alive = keeps_alive

    def head(self, head: RequestHead) -> None:
        """Note a request whose head is complete."""
        self.requests += 1
        self._request = request = self._ledger.add_request(self.record, head, self._meeting)
        request.struck = self._struck
        if (publisher := self._bus.publisher) is not None:
            publisher.head(self.record.number, head)

    def body(self, data: bytes) -> None:
        """Note some of the last request's content."""
        if self._request is not None:
            self._ledger.add_body(self._request, data)
        if (publisher := self._bus.publisher) is not None:
            publisher.body(self.record.number, len(data))

    def met(self, meeting: Meeting) -> None:
        """Note the failure mode that the client, or its last request, meets."""
        self.record.slug = meeting.slug
        request = self._request
        if request is None:
            self.record.nonce = meeting.nonce
        else:
            request.meeting = meeting
            request.given_nonce = None
        if (publisher := self._bus.publisher) is not None:
            publisher.met(self.record.number, meeting)

    def note_nonce(self, nonce: str) -> None:
        """Note the nonce that was made for the last request, or for a client that sends none."""
        if self._request is None:
            self.record.nonce = nonce
        else:
            self._request.given_nonce = nonce

    def note_hello(self, server_name: str | None, protocols: tuple[str, ...]) -> None:
        """Note the host in a ClientHello's SNI, and the protocols that it offers by ALPN; the first call counts."""
        if self.record.tls is not None:  # another peer reads it again
            return
        self.record.tls = TlsRecord(server_name, protocols)
        if (publisher := self._bus.publisher) is not None:
            publisher.hello(self.record.number, server_name, protocols)

    def note_handshake(self, agreed: Agreed) -> None:
        """Note that a handshake is complete."""
        self._is_secure = True
        tls = self._tls
        tls.agreed = agreed
        self._ledger.changed()
        if (publisher := self._bus.publisher) is not None:
            publisher.handshake_done(self.record.number, tls.server_name, agreed)

    def note_handshake_failed(self, reason: str) -> None:
        """Note that a handshake has failed, for this reason; the first call counts."""
        tls = self._tls
        if tls.failure is not None:
            return
        tls.failure = reason
        self._ledger.changed()
        if (publisher := self._bus.publisher) is not None:
            publisher.handshake_failed(self.record.number, tls.server_name, reason)

    def note_alert(self, code: int) -> None:
        """Note an alert that the client has sent."""
        self._tls.alerts.append(code)
        self._ledger.changed()
        if (publisher := self._bus.publisher) is not None:
            publisher.alert(self.record.number, code)

    @property
    def server_name(self) -> str | None:
        """The host in the ClientHello's SNI, or None."""
        return None if self.record.tls is None else self.record.tls.server_name

    def note_close_notify(self, has_come: bool) -> None:
        """Note that the client has sent close_notify, or has closed its side without; the first call counts."""
        if self._tls.close_notify is None:
            self._tls.close_notify = has_come
            self._ledger.changed()

    def sent_content(self, data: bytes | memoryview) -> None:
        """Note content that was sent within TLS."""
        self._ledger.add_content(self.record, self._request, data)

    @property
    def _tls(self) -> TlsRecord:
        if self.record.tls is None:
            self.record.tls = TlsRecord(None, ())
        return self.record.tls

    def struck(self, meeting: Meeting) -> None:
        """Note that the failure mode plays its fault."""
        self._struck = self._request is None
        self.record.struck = True
        self._ledger.add_strike(self._request, meeting.slug, meeting.key)
        if (publisher := self._bus.publisher) is not None:
            publisher.struck(self.record.number, meeting)

    def played(self) -> None:
        """Note that the failure mode is at its end."""
        if (publisher := self._bus.publisher) is not None:
            publisher.played(self.record.number)


# By slug, since a thousand clients may wait at one mode.
_meeting_of = lru_cache(maxsize=1024)(Meeting)


class Recording:
    """The recording of one server: its ledger and its bus."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.bus = Bus()

    def watch(
        self, door: str, client: tuple[str, int], settle: Callable[[], None] = lambda: None
    ) -> Watch | None:
        """Observe a connection of a well-behaved server (see `Watch`); None if nobody subscribes."""
        publisher = self.bus.publisher
        if publisher is None:
            return None
        number = self.ledger.new_number()
        publisher.opened(number, door, client)
        return Watch(self.bus, number, settle)

    def opened(
        self, door: str, slug: str, client: tuple[str, int], number: int | None = None
    ) -> Recorder:
        """Observe a connection that was accepted.

        Args:
            slug: "" if its requests decide.
            number: the connection's, if another server has given it one.
        """
        record = self.ledger.open(door, slug, client, number)
        if (publisher := self.bus.publisher) is not None:
            publisher.opened(record.number, door, client)
        return Recorder(self.ledger, self.bus, record)
