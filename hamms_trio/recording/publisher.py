"""The publisher builds an event of each thing that an observer sees; imported when somebody subscribes."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from hamms_trio.events import (
    AlertReceived,
    Answered,
    BodyReceived,
    Closed,
    Ended,
    Event,
    HandshakeDone,
    HandshakeFailed,
    HeadReceived,
    HelloReceived,
    Left,
    Met,
    Opened,
    Played,
    Received,
    Reset,
    Sent,
    Slept,
    Struck,
)
from hamms_trio.net.observer import Ending
from hamms_trio.net.record_layer import Agreed
from hamms_trio.recording.records import Meeting
from hamms_trio.wire import RequestHead
from hamms_trio.wire.tls.alerts import alert_name


class Publisher:
    """A builder and publisher of events; ``connection`` is the connection's number in every call."""

    def __init__(self, publish: Callable[[Event], None]) -> None:
        self._publish = publish

    def opened(self, connection: int, door: str, client: tuple[str, int]) -> None:
        self._publish(Opened(connection, monotonic(), door, client))

    def received(self, connection: int, octets: int) -> None:
        self._publish(Received(connection, monotonic(), octets))

    def hello(self, connection: int, server_name: str | None, offered: tuple[str, ...]) -> None:
        self._publish(HelloReceived(connection, monotonic(), server_name, offered))

    def handshake_done(self, connection: int, server_name: str | None, agreed: Agreed) -> None:
        self._publish(
            HandshakeDone(
                connection,
                monotonic(),
                agreed.version,
                agreed.cipher,
                agreed.protocol,
                server_name,
                agreed.is_resumed,
                agreed.client_certificate is not None,
            )
        )

    def handshake_failed(self, connection: int, server_name: str | None, reason: str) -> None:
        self._publish(HandshakeFailed(connection, monotonic(), reason, server_name))

    def alert(self, connection: int, code: int) -> None:
        self._publish(AlertReceived(connection, monotonic(), code, alert_name(code)))

    def head(self, connection: int, head: RequestHead) -> None:
        event = HeadReceived(connection, monotonic(), head.method, head.target, head.fields)
        self._publish(event)

    def body(self, connection: int, octets: int) -> None:
        self._publish(BodyReceived(connection, monotonic(), octets))

    def met(self, connection: int, meeting: Meeting) -> None:
        arguments = dict(meeting.arguments)
        self._publish(Met(connection, monotonic(), meeting.slug, arguments, meeting.ignored))

    def struck(self, connection: int, meeting: Meeting) -> None:
        arguments = dict(meeting.arguments)
        self._publish(Struck(connection, monotonic(), meeting.slug, arguments, meeting.key))

    def played(self, connection: int) -> None:
        self._publish(Played(connection, monotonic()))

    def sent(self, connection: int, octets: int) -> None:
        self._publish(Sent(connection, monotonic(), octets))

    def slept(self, connection: int, seconds: float) -> None:
        self._publish(Slept(connection, monotonic(), seconds))

    def answered(self, event: Answered) -> None:
        self._publish(event)

    def left(self, connection: int, how: Ending) -> None:
        self._publish(Left(connection, monotonic(), how.value))

    def ended(self, connection: int, how: Ending) -> None:
        event = Reset if how is Ending.RST else Ended
        self._publish(event(connection, monotonic()))

    def closed(self, connection: int) -> None:
        self._publish(Closed(connection, monotonic()))
