"""What all connections of one server share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from enum import Enum
from time import monotonic

import trio

from hamms_trio.http.account import Account
from hamms_trio.http.backlog import Backlog
from hamms_trio.http.intake import Intake
from hamms_trio.http.limits import ServerLimits
from hamms_trio.http.matching import Matcher
from hamms_trio.http.response import FileBody, Response, error
from hamms_trio.http.routing import Match, Route, Router
from hamms_trio.version import VERSION
from hamms_trio.wire.dates import imf_fixdate

CLOSE = b"\r\nConnection: close\r\n"
RETRY_AFTER = 2  # seconds
DRAINING = error(503, "draining", "Server Draining", ("Retry-After", str(RETRY_AFTER)), close=True)

_HEX_PAIRS = [b"%02x" % number for number in range(256)]


class Phase(Enum):
    """Where in its life the server is; the values are those of the access log and of /_metrics."""

    RUNNING = "running"
    DRAINING = "draining"
    STOPPED = "stopped"


class Service:
    """Routes, limits, clock and account of one server.

    Args:
        clock: seconds, for latencies and deadlines.
        wall_clock: seconds since the epoch, for Date and the access log.
    """

    def __init__(
        self,
        router: Router,
        *,
        limits: ServerLimits | None = None,
        account: Account | None = None,
        clock: Callable[[], float] = monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.router = router
        self.limits = limits or ServerLimits()
        self.account = account or Account()
        self.entries = self.account.entries
        self.idle_seconds = self.limits.idle
        self.most_requests = self.limits.requests
        self.backlog = Backlog(self.limits.waiting_output_total)
        self.clock = clock
        self.intake = Intake(
            self.limits.content_total,
            seconds=self.limits.content_seconds,
            clock=lambda: self.clock(),  # which a server may set
        )
        self._wall_clock = wall_clock
        self.phase = Phase.RUNNING
        self.drain_began = 0.0
        self.stirred = trio.Event()
        self.connections = 0  # open now
        self.on_vacancy: list[Callable[[], None]] = []  # called when a connection has ended
        self.accepted = 0
        self.in_flight = 0  # requests whose answer waits for something
        self.matcher = Matcher(
            router, longest_head=self.limits.head, longest_target=self.limits.target
        )
        self._id_prefix = os.urandom(4).hex().encode()
        self._ids = 0
        self._id_block = b""
        self.next_second = 0.0
        self.stamp = b""  # Date, Server and the empty line
        self.tails: list[bytes] = []  # what `persistence` says, and the stamp
        self.persistence = _persistence(self.limits)

    def tell_time(self, now: float) -> None:
        """Have `stamp` say what time it is; to be called once `next_second` has come."""
        wall = self._wall_clock()
        second = int(wall)
        self.next_second = now + 1 - (wall - second)
        lines = f"Date: {imf_fixdate(second)}\r\nServer: Hamms/{VERSION}\r\n\r\n"
        self.stamp = lines.encode()
        self.tails = [line + self.stamp for line in self.persistence]

    def wall_clock_offset(self) -> float:
        """What to add to `clock` for seconds since the epoch."""
        return self._wall_clock() - self.clock()

    def stamp_for(self, response: Response) -> bytes:
        """The same for a response that may have a Date or Server of its own."""
        if not response.has_origin:
            return self.stamp
        given = {name.lower() for name, _ in response.fields}
        lines = self.stamp[:-4].split(b"\r\n")
        kept = [line for line in lines if line.partition(b":")[0].decode().lower() not in given]
        return b"\r\n".join((*kept, b"", b"")) if kept else b"\r\n"

    def new_id(self) -> bytes:
        """The X-Request-ID of a request that has none."""
        self._ids = number = self._ids + 1
        if not number & 0xFF or not self._id_block:
            self._id_block = b"%b%06x" % (self._id_prefix, number >> 8 & 0xFFFFFF)
        return self._id_block + _HEX_PAIRS[number & 0xFF]

    def drain(self) -> None:
        """From now on refuse every request whose head has not come yet."""
        self.account.settle()  # of what was answered until now, and is logged with the phase
        self.phase = Phase.DRAINING
        self.drain_began = self.clock()
        self.matcher.answer_all_by(Route("drain/reject", DRAINING, refuses=True))

    def stir(self) -> None:
        """Something has ended that a drain may wait for."""
        if self.drain_began:
            self.stirred.set()

    @property
    def drain_seconds(self) -> float:
        return self.clock() - self.drain_began if self.drain_began else 0.0

    def encode(
        self, match: Match, response: Response, number: int, request_id: bytes, *, last: bool
    ) -> tuple[bytes, bool]:
        """The head of a response, with its body if that is octets and is sent; whether it is the last."""
        head, most = match.head, self.most_requests
        unframed = not response.preamble and not head.minor_version
        last = (
            last
            or response.close
            or unframed
            or not head.persistent
            or bool(most and number >= most)
        )
        body = response.content
        if head.method == "HEAD":
            body = b""
            if isinstance(response.body, FileBody):
                response.body.close()
        octets = b"".join(
            (
                response.preamble_for(head.minor_version),
                request_id,
                CLOSE if last else self.persistence[most - number if most else 0],
                self.stamp_for(response),
                body,
            )
        )
        return octets, last


def _persistence(limits: ServerLimits) -> list[bytes]:
    """What the head says about the connection, for each number of requests that may still come."""
    idle = int(limits.idle)
    lines = b"\r\nConnection: keep-alive\r\nKeep-Alive: timeout=%d" % idle
    if not limits.requests:
        return [lines + b"\r\n"]
    return [lines + b", max=%d\r\n" % left for left in range(limits.requests)]
