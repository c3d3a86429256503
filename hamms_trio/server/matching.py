"""What answers a head: the rules that hold for every route, the route, and a memory of both."""

from __future__ import annotations

import re

from hamms_trio.errors import (
    ExpectationFailed,
    MalformedRequest,
    RequestError,
    TargetTooLong,
    UnknownMethod,
    UnsupportedVersion,
)
from hamms_trio.server.routing import Match, Route, Router
from hamms_trio.wire import (
    MEMORY_HEAD_OCTETS,
    REQUEST_ID,
    Memory,
    Oddity,
    RequestHead,
    Sightings,
    parse_head,
    recall_head,
    split_request_id,
)

METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT")
)
KNOWN_MATCHES = 1024

_TRACEPARENT = re.compile(  # W3C Trace Context §3.2
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}"
)


class Matcher:
    """Finds what answers a head.

    Args:
        longest_target: octets.

    Attributes:
        known: matches of heads that have come before; the octets decide, so a hit means what a miss would.
    """

    def __init__(self, router: Router, longest_target: int) -> None:
        self._router = router
        self._longest_target = longest_target
        self._instead: Route | None = None
        self.known: Memory[Match] = Memory(KNOWN_MATCHES, MEMORY_HEAD_OCTETS)
        # The same for heads without their X-Request-ID, of those that have one.
        self._nameless: Memory[Match] = Memory(KNOWN_MATCHES, MEMORY_HEAD_OCTETS)
        self._seen_once = Sightings()

    def answer_all_by(self, route: Route) -> None:
        """Have everything answered by one route from now on."""
        self._instead = route
        self.known.clear()
        self._nameless.clear()

    def find(self, octets: bytes) -> Match:
        """The match of a whole head.

        Raises:
            RequestError: the head is malformed, or breaks one of the rules that are not a route's business.
        """
        parts = split_request_id(octets)
        if parts is None:
            head = recall_head(octets)
            if head is None:
                return self.match(parse_head(octets))
            match = self.match(head)
            if self._instead is None:
                self.known.keep(octets, match)
            return match
        nameless, request_id = parts
        like = self._nameless.get(nameless)
        if like is None:
            match = self.match(parse_head(octets, parts))
            if self._instead is None and self._seen_once.again(nameless):
                self._remember_nameless(nameless)
            return match
        match = like.called(octets, request_id)
        if not match.head.has_body and self._seen_once.again(octets):
            self.known.keep(octets, match)
        return match

    def match(self, head: RequestHead) -> Match:
        """What answers this head.

        Raises:
            RequestError: it breaks one of the rules that are not a route's business.
        """
        if len(head.target) > self._longest_target:
            raise TargetTooLong(f"the target exceeds {self._longest_target} octets")
        if head.method not in METHODS:
            raise _unknown_method(head.method)
        path = head.path
        if path[:2] == "//":
            _check_authority(path)
        if head.oddities:
            _refuse_oddities(head)
        if self._instead is None:
            route, parameters = self._router.find(head.method, path)
        else:
            route, parameters = self._instead, {}
        match = Match(head, route, parameters)
        if head.request_id is not None or head.traceparent is not None:
            _identify(match, head)
        if head.oddities and Oddity.EXPECTATION in head.oddities and not route.refuses:
            raise ExpectationFailed("only 100-continue can be expected")
        return match

    def _remember_nameless(self, octets: bytes) -> None:
        head = parse_head(octets)
        if head.request_id is None:  # which it would have from a second line
            self._nameless.keep(octets, self.match(head))


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
