"""The search for the route of a request, and the checks that hold for every route."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hamms_trio.errors import (
    ExpectationFailed,
    MalformedRequest,
    RequestError,
    TargetTooLong,
    UnknownMethod,
    UnsupportedVersion,
)
from hamms_trio.http.routes.router import Route, Router
from hamms_trio.wire import Oddity, RequestHead, parse_head

METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT")
)
# The X-Request-ID values of clients that the server adopts.
_REQUEST_ID = re.compile(r"[\w.:/+=@~-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(  # W3C Trace Context §3.2
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}"
)


class Match:
    """A request head and the route that answers it; immutable.

    Attributes:
        given_id: the X-Request-ID that the client gave, or else the trace id of its traceparent.
        plain: True if the usual head of a response suits the request.
    """

    __slots__ = ("given_id", "head", "parameters", "plain", "route", "trace_id")

    def __init__(
        self,
        head: RequestHead,
        route: Route,
        parameters: Mapping[str, str],
        given_id: bytes | None = None,
        trace_id: str | None = None,
    ) -> None:
        self.head = head
        self.route = route
        self.parameters = parameters
        self.given_id = given_id
        self.trace_id = trace_id
        self.plain = head.persistent and head.minor_version == 1 and head.method != "HEAD"


class Matcher:
    """A search for the route that answers a head.

    Args:
        router: the routes.
        longest_target: limit in octets.
    """

    def __init__(self, router: Router, *, longest_target: int) -> None:
        self._router = router
        self._longest_target = longest_target
        self._instead: Route | None = None
        self._latest: Match | None = None  # clients that poll repeat their heads

    def answer_all_by(self, route: Route) -> None:
        """Route every request to one route from now on."""
        self._instead = route
        self._latest = None

    def forget(self) -> None:
        """Look every head up anew, because the routes have changed."""
        self._latest = None

    def find(self, octets: bytes) -> Match:
        """Return the match of a whole head.

        Raises:
            RequestError: the head is malformed, or breaks one of the rules that hold for every route.
        """
        latest = self._latest
        if latest is None or latest.head.octets != octets:
            latest = self._latest = self.match(parse_head(octets))
        return latest

    def match(self, head: RequestHead) -> Match:
        """Return the route that answers this head.

        Raises:
            RequestError: the head breaks one of the rules that hold for every route.
        """
        if len(head.target) > self._longest_target:
            raise TargetTooLong(f"the target exceeds {self._longest_target} octets")
        if head.method not in METHODS:
            raise _unknown_method(head.method)
        if head.path[:2] == "//":
            _check_authority(head.path)
        if head.oddities:
            _refuse_oddities(head)
        if self._instead is None:
            route, parameters = self._router.find(head.method, head.path)
        else:
            route, parameters = self._instead, {}
        if head.oddities and Oddity.EXPECTATION in head.oddities and not route.refuses:
            raise ExpectationFailed("only 100-continue can be expected")
        match = Match(head, route, parameters)
        if head.request_id is not None and _REQUEST_ID.fullmatch(head.request_id):
            match.given_id = head.request_id.encode()
        if head.traceparent is not None and (found := _TRACEPARENT.fullmatch(head.traceparent)):
            match.trace_id = found[1]
            match.given_id = match.given_id or found[1].encode()
        return match


def _refuse_oddities(head: RequestHead) -> None:
    if Oddity.HIGHER_VERSION in head.oddities:
        raise UnsupportedVersion("this server speaks only HTTP/1.1 and HTTP/1.0")
    if Oddity.EMPTY_HOST in head.oddities:
        raise MalformedRequest("the Host is empty (RFC 9112 §3.2)")


def _unknown_method(method: str) -> RequestError:
    if method.upper() in METHODS:
        return MalformedRequest(f"the method {method} has to be in capitals (RFC 9110 §9.1)")
    return UnknownMethod(f"the method {method[:40]} is not one of {', '.join(sorted(METHODS))}")


def _check_authority(path: str) -> None:
    """Refuse a path that others may read as a malformed authority (RFC 3986 §3.2)."""
    authority = path[2:].partition("/")[0]
    if ("[" in authority) != ("]" in authority):
        raise MalformedRequest("the target is not a path (RFC 9112 §3.2)")
