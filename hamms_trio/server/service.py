"""What all connections of one server share."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from enum import Enum
from time import monotonic

import trio

from hamms_trio.errors import (
    ExpectationFailed,
    MalformedRequest,
    RequestError,
    TargetTooLong,
    UnknownMethod,
    UnsupportedVersion,
)
from hamms_trio.server.account import Account
from hamms_trio.server.backlog import Backlog
from hamms_trio.server.limits import ServerLimits
from hamms_trio.server.response import FileBody, Response, error
from hamms_trio.server.routing import Match, Route, Router
from hamms_trio.version import VERSION
from hamms_trio.wire import (
    MEMORY_HEAD_OCTETS,
    REQUEST_ID,
    Oddity,
    RequestHead,
    parse_head,
    recall_head,
    split_request_id,
)
from hamms_trio.wire.dates import imf_fixdate

METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT")
)
KNOWN_MATCHES = 1024
CLOSE = b"\r\nConnection: close\r\n"
RETRY_AFTER = 2  # seconds
DRAINING = error(503, "draining", "Server Draining", ("Retry-After", str(RETRY_AFTER)), close=True)

_TRACEPARENT = re.compile(  # W3C Trace Context §3.2
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}"
)
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
        self._wall_clock = wall_clock
        self.phase = Phase.RUNNING
        self.drain_began = 0.0
        self.stirred = trio.Event()
        self.connections = 0  # open now
        self.on_vacancy: list[Callable[[], None]] = []  # called when a connection has ended
        self.accepted = 0
        self.in_flight = 0  # requests whose answer waits for something
        # Matches of heads seen more than once; the octets decide, so a hit means what a miss would.
        self.known: dict[bytes, Match] = {}
        # The same for heads without their X-Request-ID, of those that have one.
        self._nameless: dict[bytes, Match] = {}
        self._seen_once: set[int] = set()
        self._id_prefix = os.urandom(4).hex().encode()
        self._ids = 0
        self._id_block = b""
        self.next_second = 0.0
        self.stamp = b""  # Date, Server and the empty line
        self.tails: list[bytes] = []  # what `persistence` says, and the stamp
        self.persistence = _persistence(self.limits)
        self.drained = Route("drain/reject", DRAINING, refuses=True)

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
        self.phase = Phase.DRAINING
        self.drain_began = self.clock()
        self.known.clear()
        self._nameless.clear()

    def stir(self) -> None:
        """Something has ended that a drain may wait for."""
        if self.drain_began:
            self.stirred.set()

    @property
    def drain_seconds(self) -> float:
        return self.clock() - self.drain_began if self.drain_began else 0.0

    def match(self, head: RequestHead, *, seen_before: bool = False) -> Match:
        """What answers this head.

        Raises:
            RequestError: it breaks one of the rules that are not a route's business.
        """
        target = head.target
        if len(target) > self.limits.target:
            raise TargetTooLong(f"the target exceeds {self.limits.target} octets")
        if head.method not in METHODS:
            raise _unknown_method(head.method)
        if head.oddities:
            _refuse_oddities(head)
        if head.path[:2] == "//":
            _check_authority(head.path)
        if self.phase is Phase.RUNNING:
            route, parameters = self.router.find(head.method, head.path)
        else:
            route, parameters = self.drained, {}
        match = Match(head, route, parameters)
        if head.request_id is not None or head.traceparent is not None:
            _identify(match, head)
        if Oddity.EXPECTATION in head.oddities and not route.refuses:
            raise ExpectationFailed("only 100-continue can be expected")
        if seen_before and self.phase is Phase.RUNNING:
            self._remember(match)
        return match

    def find_match(self, octets: bytes) -> Match:
        """The match of a whole head, which is remembered if it has been seen before."""
        parts = split_request_id(octets)
        if parts is None:
            head = recall_head(octets)
            if head is not None:
                return self.match(head, seen_before=True)
            return self.match(parse_head(octets))
        nameless, request_id = parts
        like = self._nameless.get(nameless)
        if like is None:
            match = self.match(parse_head(octets))
            if self.phase is Phase.RUNNING and self._has_seen(nameless):
                self._remember_nameless(nameless)
            return match
        match = like.called(octets, request_id)
        if match.plain and self._has_seen(octets):
            self._remember(match)
        return match

    def _has_seen(self, octets: bytes) -> bool:
        """Whether this is at least the second time of late; most octets come once, and are not worth keeping."""
        seen_once, fingerprint = self._seen_once, hash(octets)
        if fingerprint in seen_once:
            return len(octets) <= MEMORY_HEAD_OCTETS
        if len(seen_once) >= KNOWN_MATCHES:
            seen_once.clear()
        seen_once.add(fingerprint)
        return False

    def _remember_nameless(self, octets: bytes) -> None:
        head = parse_head(octets)
        if head.request_id is None:  # which it would have from a second line
            if len(self._nameless) >= KNOWN_MATCHES:
                self._nameless.clear()
            self._nameless[octets] = self.match(head)

    def encode(
        self, match: Match, response: Response, number: int, request_id: bytes, *, last: bool
    ) -> tuple[bytes, bool]:
        """The head of a response, with its body if that is octets and is sent; whether it is the last."""
        head, most = match.head, self.most_requests
        unframed = response.length is None and not head.minor_version
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

    def _remember(self, match: Match) -> None:
        if len(self.known) >= KNOWN_MATCHES:
            self.known.clear()
        self.known[match.head.octets] = match


def _persistence(limits: ServerLimits) -> list[bytes]:
    """What the head says about the connection, for each number of requests that may still come."""
    idle = int(limits.idle)
    lines = b"\r\nConnection: keep-alive\r\nKeep-Alive: timeout=%d" % idle
    if not limits.requests:
        return [lines + b"\r\n"]
    return [lines + b", max=%d\r\n" % left for left in range(limits.requests)]


def _identify(match: Match, head: RequestHead) -> None:
    """Take over what the client calls its request, if that can be believed."""
    given = head.request_id
    if given is not None and REQUEST_ID.fullmatch(given):
        match.given_id = given
    if head.traceparent is not None and (found := _TRACEPARENT.fullmatch(head.traceparent)):
        match.trace_id = found[1].decode()
        match.given_id = match.given_id or found[1]


def _refuse_oddities(head: RequestHead) -> None:
    if Oddity.HIGHER_VERSION in head.oddities:
        raise UnsupportedVersion("only HTTP/1.1 and HTTP/1.0 are spoken here")
    if Oddity.EMPTY_HOST in head.oddities:
        raise MalformedRequest("the Host is empty (RFC 9112 §3.2)")


def _unknown_method(method: str) -> RequestError:
    if method.upper() in METHODS:
        return MalformedRequest(f"the method {method} has to be in capitals (RFC 9110 §9.1)")
    return UnknownMethod(f"the method {method[:40]} is not one of {', '.join(sorted(METHODS))}")


def _check_authority(path: str) -> None:
    """Refuse what others read as a malformed authority (RFC 3986 §3.2)."""
    authority = path[2:].partition("/")[0]
    if ("[" in authority) != ("]" in authority):
        raise MalformedRequest("the target is not a path (RFC 9112 §3.2)")
