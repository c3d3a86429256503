"""One of a load's concurrent clients, without I/O: its connection and its unanswered requests.

A `LoadCarrier` carries the octets and reports the events of the connection to the client. The client takes a
request from the schedule before it connects, so the latency of a request includes connecting, and a failure
to connect is a failed request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from hamms_trio.errors import IncompleteResponse, MalformedResponse
from hamms_trio.load.counts.tally import CONNECTING, Failure, Tally
from hamms_trio.load.plan import Plan, Schedule
from hamms_trio.load.plan.request import RepeatedRequest
from hamms_trio.wire import ResponseReader

# A closed loop whose connections are refused would otherwise be a busy loop.
SHORTEST_RETREAT = 0.01
LONGEST_RETREAT = 0.5


class CarriedConnection(Protocol):
    """A connection that is open or being opened."""

    def send(self, octets: bytes) -> None:
        """Send now, or as soon as there is room; report errors to the client later."""

    def close(self) -> None:
        """Close at once; report nothing more to the client."""


class LoadCarrier(Protocol):
    """A transport with a clock, on a hub.

    A carrier never calls a client, or a callback, from within one of the methods below.
    """

    def now(self) -> float: ...
    def call_at(self, due: float, callback: Callable[[float], None]) -> object: ...
    def call_on_time(self, due: float, callback: Callable[[float], None]) -> None:
        """Call back as `call_at` does, but never a little late; only one such call may be outstanding."""

    def connect(self, client: LoadClient) -> CarriedConnection:
        """Begin to connect; later call the client's `on_open` or `on_lost`."""


class Traffic(Protocol):
    """The state that the clients of one load share.

    Attributes:
        in_flight: requests that were taken and are not finished.
    """

    plan: Plan
    schedule: Schedule
    tally: Tally
    carrier: LoadCarrier
    request: RepeatedRequest
    in_flight: int

    def on_resting(self, client: LoadClient) -> None:
        """Note that a client could take a request while none is due."""

    def on_connect_failure(self) -> None:
        """Note that a connection could not be made."""


class LoadClient:
    """A client with one connection and up to ``pipeline_depth`` unanswered requests on it."""

    __slots__ = (
        "_connection",
        "_depth",
        "_is_open",
        "_is_timed",
        "_out",
        "_reader",
        "_retreat",
        "_traffic",
        "_was_open",
        "is_resting",
    )

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._depth = traffic.plan.pipeline_depth
        self._connection: CarriedConnection | None = None
        self._reader = ResponseReader(traffic.request.method)
        self._is_open = False
        self._was_open = False
        # For each unanswered request: its intended start, and the time when it was taken.
        self._out: deque[tuple[float, float]] = deque()
        self._is_timed = False
        self._retreat = 0.0
        self.is_resting = False

    @property
    def can_take(self) -> bool:
        """True if another request fits on the connection."""
        return len(self._out) < self._depth

    def proceed(self, now: float) -> None:
        """Take the requests that are due, and send them."""
        out, traffic = self._out, self._traffic
        taken = 0
        while len(out) < self._depth and (intended := traffic.schedule.take(now)) is not None:
            out.append((intended, now))
            taken += 1
        if taken:
            traffic.in_flight += taken
            self._send(taken, now)
        if len(out) < self._depth:
            traffic.on_resting(self)

    def give(self, intended: float, now: float) -> None:
        """Make a request that the load has taken from the schedule for this client."""
        self._out.append((intended, now))
        self._traffic.in_flight += 1
        self._send(1, now)

    def abandon(self, now: float) -> None:
        """Fail the unanswered requests, because the load is over."""
        if self._connection is not None:
            self._close()
        self._fail_all(Failure.UNFINISHED, now)

    # Called by the carrier

    def on_open(self) -> None:
        """Send the requests that waited for the connection."""
        connections = self._traffic.tally.connections
        connections.opened += 1
        if self._was_open and self._traffic.plan.keepalive:
            connections.reopened += 1
        self._was_open = self._is_open = True
        self._retreat = 0.0
        self._write(len(self._out))

    def on_octets(self, data: bytes) -> None:
        """Read the answers in these octets, and go on with the next requests."""
        traffic, out, reader = self._traffic, self._out, self._reader
        tally, now = traffic.tally, traffic.carrier.now()
        tally.octets_received += len(data)
        try:
            response = reader.receive(data)
            while response is not None and out:
                intended, taken = out.popleft()
                traffic.in_flight -= 1
                tally.note_answer(response.status, intended, taken, now)
                if not (response.persistent and traffic.plan.keepalive):
                    self._reconnect(now)
                    return
                response = reader.receive() if reader.has_more else None
        except MalformedResponse as error:
            self._on_malformed(str(error), now)
            return
        if not out and (response is not None or not reader.is_between):
            tally.connections.surplus += 1
            self._reconnect(now)
            return
        self.proceed(now)

    def on_eof(self, *, clean: bool = True) -> None:
        """Handle the end of the server's octets.

        Args:
            clean: False if TLS reports that octets may be missing.
        """
        traffic, now = self._traffic, self._traffic.carrier.now()
        try:
            response = self._reader.end() if clean else None
        except IncompleteResponse as error:
            self.on_lost(Failure.TRUNCATED, str(error))
            return
        if response is not None and self._out:
            intended, taken = self._out.popleft()
            traffic.in_flight -= 1
            traffic.tally.note_answer(response.status, intended, taken, now)
            self._reconnect(now)
        elif self._reader.is_between:
            self.on_lost(Failure.CLOSED, "the server closed the connection before it answered")
        else:
            self.on_lost(Failure.TRUNCATED, "TLS ended without close_notify within a response")

    def on_lost(self, failure: Failure, detail: str) -> None:
        """Fail the unanswered requests of a connection that is lost or could not be made."""
        traffic, now = self._traffic, self._traffic.carrier.now()
        connections = traffic.tally.connections
        was_open = self._is_open
        if not was_open:
            connections.failed += 1
        elif not self._out:
            connections.closed_idle += 1
        if self._out:
            traffic.tally.note_detail(failure, detail)
        self._close()
        self._fail_all(failure, now)
        if not was_open:
            traffic.on_connect_failure()
        if failure in CONNECTING and traffic.plan.rate is None:
            self._retreat = min(max(2 * self._retreat, SHORTEST_RETREAT), LONGEST_RETREAT)
            traffic.carrier.call_at(now + self._retreat, self._on_retreated)
        else:
            self.proceed(now)

    # Internal

    def _send(self, count: int, now: float) -> None:
        if not self._is_timed:
            self._is_timed = True
            traffic = self._traffic
            traffic.carrier.call_at(now + traffic.plan.timeout, self._on_timer)
        if self._is_open:
            self._write(count)
        elif self._connection is None:
            self._connect()

    def _write(self, count: int) -> None:
        assert self._connection is not None
        octets = self._traffic.request.octets
        if count != 1:
            octets *= count
        self._traffic.tally.octets_sent += len(octets)
        self._connection.send(octets)

    def _connect(self) -> None:
        self._reader = ResponseReader(self._traffic.request.method)
        self._connection = self._traffic.carrier.connect(self)

    def _close(self) -> None:
        assert self._connection is not None
        self._traffic.tally.interim += self._reader.interim
        self._connection.close()
        self._connection = None
        self._is_open = False

    def _reconnect(self, now: float) -> None:
        """Replace this connection; the server has not read the requests that it left unanswered."""
        self._close()
        if self._out:
            self._traffic.tally.connections.resent += len(self._out)
            self._connect()
        self.proceed(now)

    def _on_malformed(self, detail: str, now: float) -> None:
        if self._out:
            self.on_lost(Failure.MALFORMED, detail)
        else:  # octets that are no response came after the last answer
            self._traffic.tally.connections.surplus += 1
            self._reconnect(now)

    def _on_retreated(self, _due: float) -> None:
        if self._connection is None:
            self.proceed(self._traffic.carrier.now())

    def _on_timer(self, _due: float) -> None:
        """Fail the connection if its oldest request has waited too long; else set the timer again."""
        self._is_timed = False
        if not self._out:
            return
        carrier, timeout = self._traffic.carrier, self._traffic.plan.timeout
        due = self._out[0][1] + timeout
        if due > carrier.now():
            self._is_timed = True
            carrier.call_at(due, self._on_timer)
        elif self._is_open:
            self.on_lost(Failure.TIMEOUT, f"no complete answer in {timeout:g} seconds")
        else:
            self.on_lost(Failure.CONNECT_TIMEOUT, f"not connected in {timeout:g} seconds")

    def _fail_all(self, failure: Failure, now: float) -> None:
        """Count every unanswered request as failed for the same reason."""
        out, tally = self._out, self._traffic.tally
        self._traffic.in_flight -= len(out)
        while out:
            intended, taken = out.popleft()
            tally.note_failure(failure, intended, taken, now)
