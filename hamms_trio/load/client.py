"""One of a load's concurrent clients, without I/O: its requests, and the connection they are out on.

Whatever carries octets (see `Carrier`) tells the client what has come of its connection. A request is
taken from the schedule first, and then a connection is made if there is none, so that connecting is
part of what a request takes, and a connection that can't be made is a request that failed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from hamms_trio.errors import IncompleteResponse, MalformedResponse
from hamms_trio.load.plan import Plan, Schedule
from hamms_trio.load.request import Request
from hamms_trio.load.tally import CONNECTING, Failure, Tally
from hamms_trio.wire import ResponseReader

# A closed loop whose connections are refused would otherwise be a busy loop.
SHORTEST_RETREAT = 0.01
LONGEST_RETREAT = 0.5


class Connection(Protocol):
    """A connection that is being made, or is there."""

    def send(self, octets: bytes) -> None:
        """Send now or as soon as there is room; the client learns later if that failed."""

    def close(self) -> None:
        """Close at once; the client receives no more calls."""


class Carrier(Protocol):
    """The octets and the clock of a load: the hub's.

    A carrier never calls a client back while it is itself being called.
    """

    def now(self) -> float: ...
    def call_at(self, due: float, callback: Callable[[float], None]) -> object: ...
    def call_on_time(self, due: float, callback: Callable[[float], None]) -> None:
        """Do the same, and not a little late; only one such call may be outstanding."""

    def connect(self, client: Client) -> Connection:
        """Begin to connect; then tell the client that it is open, or lost."""


class Traffic(Protocol):
    """What the clients of one load share.

    Attributes:
        in_flight: requests taken and not finished.
    """

    plan: Plan
    schedule: Schedule
    tally: Tally
    carrier: Carrier
    request: Request
    in_flight: int

    def on_resting(self, client: Client) -> None:
        """Hear that a client could take a request, and none is due."""

    def on_connect_failure(self) -> None:
        """Hear that a connection could not be made."""


class Client:
    """A client that has up to ``pipeline_depth`` requests out on one connection at a time."""

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
        self._connection: Connection | None = None
        self._reader = ResponseReader(traffic.request.method)
        self._is_open = False
        self._was_open = False
        # Of each request that is out: its intended start, and when it was taken.
        self._out: deque[tuple[float, float]] = deque()
        self._is_timed = False
        self._retreat = 0.0
        self.is_resting = False

    @property
    def can_take(self) -> bool:
        return len(self._out) < self._depth

    def proceed(self, now: float) -> None:
        """Take what is due, and send it."""
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
        """Have it make a request that somebody else has taken from the schedule for it."""
        self._out.append((intended, now))
        self._traffic.in_flight += 1
        self._send(1, now)

    def abandon(self, now: float) -> None:
        """Give up what is out; the load is over."""
        if self._connection is not None:
            self._close()
        self._fail_all(Failure.UNFINISHED, now)

    # What the carrier tells

    def on_open(self) -> None:
        connections = self._traffic.tally.connections
        connections.opened += 1
        if self._was_open and self._traffic.plan.keepalive:
            connections.reopened += 1
        self._was_open = self._is_open = True
        self._retreat = 0.0
        self._write(len(self._out))

    def on_octets(self, data: bytes) -> None:
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
        """The server has closed its side; not ``clean`` if TLS says that octets may be missing."""
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
        """The connection is no more, or could not be made."""
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

    # Within

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
        """Go on without this connection; what is out on it still was never read by the server."""
        self._close()
        if self._out:
            self._traffic.tally.connections.resent += len(self._out)
            self._connect()
        self.proceed(now)

    def _on_malformed(self, detail: str, now: float) -> None:
        if self._out:
            self.on_lost(Failure.MALFORMED, detail)
        else:  # what was answered last was followed by octets that are no response
            self._traffic.tally.connections.surplus += 1
            self._reconnect(now)

    def _on_retreated(self, _due: float) -> None:
        if self._connection is None:
            self.proceed(self._traffic.carrier.now())

    def _on_timer(self, _due: float) -> None:
        """See whether the oldest request has waited too long: timers are not moved, but look again."""
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
        """Every request that is out on a lost connection shares its fate."""
        out, tally = self._out, self._traffic.tally
        self._traffic.in_flight -= len(out)
        while out:
            intended, taken = out.popleft()
            tally.note_failure(failure, intended, taken, now)
