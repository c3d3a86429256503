"""The state shared by all connections of one server."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from time import monotonic

import trio

from hamms_trio.http.accounting.account import Account
from hamms_trio.http.accounting.publishing import WELL_BEHAVED, ExchangePublisher
from hamms_trio.http.limits.backlog import Backlog
from hamms_trio.http.limits.limits import ServerLimits
from hamms_trio.http.limits.request_bodies import BodyBudget
from hamms_trio.http.routes.match import Matcher
from hamms_trio.http.routes.response import FileBody, Response, check_fields, error
from hamms_trio.http.routes.router import Route, Router
from hamms_trio.http.routes.visitors import AllowedHosts
from hamms_trio.net.accepted import Handover
from hamms_trio.net.tls import TlsSocket
from hamms_trio.recording.recorder import Recording
from hamms_trio.version import VERSION
from hamms_trio.wire import RequestHead, imf_fixdate

CLOSE = b"\r\nConnection: close\r\n"
RETRY_AFTER_SECONDS = 2
FOREVER = float("inf")
DRAINING = error(
    503, "draining", "Server Draining", ("Retry-After", str(RETRY_AFTER_SECONDS)), close=True
)


SERVER_NAME = f"Hamms/{VERSION}"


class Phase(Enum):
    """The phases of a server, with their names in the access log and /_metrics."""

    RUNNING = "running"
    DRAINING = "draining"
    STOPPED = "stopped"


class Service:
    """The routes, limits, clock and account of one server.

    Args:
        router: the routes.
        limits: the limits; None for the defaults.
        hosts: the names by which clients may call the server; None for any.
        text_errors: True to explain refusals as text, unless a client prefers JSON.
        server_name: the value of the Server field; "" for none.
        invites: False to leave 100 (Continue) out, though a client waits for it.
        clock: the clock of latencies and deadlines, in seconds.
        wall_clock: the clock of Date and the access log, in seconds since the epoch.
    """

    def __init__(
        self,
        router: Router,
        *,
        limits: ServerLimits | None = None,
        hosts: AllowedHosts | None = None,
        text_errors: bool = False,
        server_name: str = SERVER_NAME,
        invites: bool = True,
        clock: Callable[[], float] = monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.router = router
        self.limits = limits or ServerLimits()
        self.text_errors = text_errors
        self.invites = invites
        check_fields((("Server", server_name),))
        self._server_line = f"Server: {server_name}\r\n" if server_name else ""
        self.account = Account()
        self.most_requests = self.limits.requests
        self.backlog = Backlog(self.limits.waiting_output_total)
        self.clock = clock
        self.body_budget = BodyBudget(
            self.limits.content_total,
            seconds=self.limits.content_seconds,
            clock=lambda: self.clock(),  # which a server may set
        )
        self._wall_clock = wall_clock
        self._recording: Recording | None = None
        # True while somebody waits for answers to be counted.
        self.is_watched: Callable[[], bool] = lambda: False
        self.phase = Phase.RUNNING
        self.drains = False  # True once each answer is the last one of its connection
        self.drain_began = 0.0
        self.something_ended = trio.Event()
        self.connections = 0  # open now
        # Serves a connection that was given away.
        self.take_back: Callable[[Handover], None] | None = None
        self.on_vacancy: list[Callable[[], None]] = []  # callbacks for the end of a connection
        self.accepted = 0
        self.in_flight = 0  # requests without a complete answer
        self.matcher = Matcher(router, longest_target=self.limits.target, hosts=hosts)
        self._id_prefix = os.urandom(4).hex().encode()
        self._ids = 0
        self.next_second = 0.0
        self.stamp = b""  # Date, Server and the empty line
        self.tail = b""  # the end of a usual head: persistence, and the stamp
        timeout = int(self.limits.idle)
        self._keep_alive = b"\r\nConnection: keep-alive\r\nKeep-Alive: timeout=%d\r\n" % timeout

    def refresh_date(self, now: float) -> None:
        """Update `stamp` and `tail`; call this from `next_second` on."""
        wall = self._wall_clock()
        second = int(wall)
        self.next_second = now + 1 - (wall - second)
        self.stamp = f"Date: {imf_fixdate(second)}\r\n{self._server_line}\r\n".encode()
        self.tail = self._keep_alive + self.stamp

    def wall_clock_offset(self) -> float:
        """Return the seconds to add to `clock` for seconds since the epoch."""
        return self._wall_clock() - self.clock()

    def _stamp_for(self, response: Response) -> bytes:
        """Return the stamp without the fields that the response sets itself."""
        if not response.has_origin:
            return self.stamp
        given = {name.lower() for name, _ in response.fields}
        lines = self.stamp[:-4].split(b"\r\n")
        kept = [line for line in lines if line.partition(b":")[0].decode().lower() not in given]
        return b"\r\n".join((*kept, b"", b"")) if kept else b"\r\n"

    def new_id(self) -> bytes:
        """Make an X-Request-ID for a request without one."""
        self._ids = number = self._ids + 1
        return b"%b%08x" % (self._id_prefix, number & 0xFFFFFFFF)

    def publish_to(self, recording: Recording) -> None:
        """Publish connections and exchanges on a bus, for as long as it has subscribers."""
        self._recording = recording
        self.account.log_to(ExchangePublisher(recording, self.account.settle).write)

    def watch(self, handover: Handover) -> Handover:
        """Return a connection with an observer, if anybody subscribes to events."""
        if self._recording is None or handover.observer is not None:
            return handover
        watch = self._recording.watch(WELL_BEHAVED, handover.client, self.account.settle)
        if watch is None:
            return handover
        if isinstance(handover.sock, TlsSocket):
            watch.note_hello(handover.sock.hello)
            watch.note_handshake(handover.sock.agreed)
        return replace(handover, observer=watch)

    def watch_failure(self, client: tuple[str, int], reason: str, hello: bytes) -> None:
        """Publish a connection that has ended with a failed handshake, if anybody subscribes to events."""
        if self._recording is None:
            return
        watch = self._recording.watch(WELL_BEHAVED, client, self.account.settle)
        if watch is not None:
            watch.note_hello(hello)
            watch.note_handshake_failed(reason)
            watch.closed()

    def is_recorded(self) -> bool:
        """Return True if anybody subscribes to events at the moment."""
        return self._recording is not None and self._recording.bus.publisher is not None

    def drain(self) -> None:
        """Refuse every request whose head is not complete yet, and end connections with their answers."""
        self.account.settle()  # logs the answers so far with their phase
        self.phase = Phase.DRAINING
        self.drains = True
        self.drain_began = self.clock()
        self.matcher.answer_all_by(Route("drain/reject", DRAINING, refuses=True))

    def announce_end(self) -> None:
        """Wake a drain, which may wait for the end of a connection or exchange."""
        if self.drain_began:
            self.something_ended.set()

    def announce_vacancy(self) -> None:
        """Call `on_vacancy`, because a connection has ended."""
        for accept_again in self.on_vacancy:
            accept_again()

    @property
    def drain_seconds(self) -> float:
        """The seconds since the drain began, or 0."""
        return self.clock() - self.drain_began if self.drain_began else 0.0

    def encode(
        self, head: RequestHead, response: Response, request_id: bytes, *, last: bool
    ) -> tuple[bytes, bool]:
        """Encode a response's head, with the body if that is octets; also return True if it is the last."""
        now = self.clock()
        if now >= self.next_second:
            self.refresh_date(now)
        unframed = not response.preamble and not head.minor_version
        last = last or response.close or unframed or not head.persistent
        body = response.content
        if head.method == "HEAD":
            body = b""
            if isinstance(response.body, FileBody):
                response.body.close()
        preamble = response.preamble_for(head.minor_version)
        persistence = CLOSE if last else self._keep_alive
        stamp = self._stamp_for(response)
        return b"".join((preamble, request_id, persistence, stamp, body)), last
