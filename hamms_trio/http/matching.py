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
from hamms_trio.http.routing import MISSING, Match, Route, Router
from hamms_trio.wire import (
    MEMORY_HEAD_OCTETS,
    Memory,
    Oddity,
    RequestHead,
    Sightings,
    is_request_id,
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


# Of no octets at all, which nobody sends.
NONE_YET = Match(RequestHead(b"", ("-", "-", 0, "-", "", ())), MISSING, {})


class Likeness:
    """Heads of which each is called differently at the same place, and nothing else differs.

    Args:
        octets: one of them.
        at: where it says how it is called.
        request_id: what it says there, a `REQUEST_ID`.
        match: of the same head without that line.
    """

    __slots__ = ("_after", "_before", "_match")

    def __init__(self, octets: bytes, at: int, request_id: bytes, match: Match) -> None:
        self._before, self._after = octets[:at], octets[at + len(request_id) :]
        self._match = match

    def match(self, octets: bytes) -> Match | None:
        """The match of another one; None if it is something else."""
        before, after = self._before, self._after
        if octets.startswith(before) and octets.endswith(after):
            request_id = octets[len(before) : -len(after)]
            if is_request_id(request_id):
                return self._match.called(octets, request_id)
        return None


class Matcher:
    """Finds what answers a head.

    What it remembers is found by the octets themselves, so a hit means what a miss would.

    Args:
        longest_head, longest_target: octets.

    Attributes:
        latest: the match of a head that came a moment ago, and often is the next one too.
    """

    def __init__(self, router: Router, *, longest_head: int, longest_target: int) -> None:
        self._router = router
        self._longest_head = longest_head
        self._longest_target = longest_target
        self._instead: Route | None = None
        self.latest = NONE_YET
        self._likeness: Likeness | None = None  # of one that came a moment ago
        self._known: Memory[Match] = Memory(KNOWN_MATCHES, MEMORY_HEAD_OCTETS)
        # The same for heads without their X-Request-ID, of those that have one.
        self._nameless: Memory[Match] = Memory(KNOWN_MATCHES, MEMORY_HEAD_OCTETS)
        self._seen_once = Sightings()

    def answer_all_by(self, route: Route) -> None:
        """Have everything answered by one route from now on."""
        self._instead = route
        self.latest = NONE_YET
        self._likeness = None
        self._known.clear()
        self._nameless.clear()

    def recognize(self, octets: bytes) -> Match | None:
        """The match of octets that are like the head that came a moment ago; None if they are anything else."""
        likeness = self._likeness
        if likeness is None or len(octets) > self._longest_head:
            return None
        return likeness.match(octets)

    def recall(self, octets: bytes) -> Match | None:
        """The match of a whole head like those that have come before; None if it is not remembered."""
        if octets == self.latest.octets:
            return self.latest
        match = self._known.get(octets) or self.recognize(octets)
        if match is not None:
            self.latest = match
        return match

    def find(self, octets: bytes) -> Match:
        """The match of a whole head.

        Raises:
            RequestError: the head is malformed, or breaks one of the rules that are not a route's business.
        """
        match = self.recall(octets)
        if match is None:
            match = self.latest = self._find(octets)
        return match

    def _find(self, octets: bytes) -> Match:
        parts = split_request_id(octets)
        if parts is None:
            head = recall_head(octets)
            if head is None:
                return self.match(parse_head(octets))
            match = self.match(head)
            if self._instead is None:
                self._known.keep(octets, match)
            return match
        nameless, request_id, at = parts
        like = self._nameless.get(nameless)
        if like is None:
            match = self.match(parse_head(octets, parts))
            if self._instead is None and self._seen_once.again(nameless):
                self._remember_nameless(nameless)
            return match
        self._likeness = Likeness(octets, at, request_id, like)
        match = like.called(octets, request_id)
        if not like.head.has_body and self._seen_once.again(octets):
            self._known.keep(octets, match)
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
    if given is not None and is_request_id(given):
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
