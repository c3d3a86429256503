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
)
from hamms_trio.http.routes.router import Route, Router
from hamms_trio.http.routes.visitors import AllowedHosts
from hamms_trio.wire import Oddity, RequestHead, parse_if_whole

KNOWN_METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT")
)
# The X-Request-ID values of clients that the server adopts.
_REQUEST_ID = re.compile(r"[\w.:/+=@~-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(  # W3C Trace Context §3.2
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}"
)


# A percent-encoded letter, digit, hyphen, full stop, underscore or tilde is that character (RFC 3986 §2.3).
_UNRESERVED = re.compile(
    "%(?:4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa]|3[0-9]|2[DdEe]|5[Ff]|7[Ee])"
)


def _decoded(escape: re.Match[str]) -> str:
    return chr(int(escape[0][1:], 16))


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
        hosts: the names by which clients may call the server; None for any.
    """

    def __init__(
        self, router: Router, *, longest_target: int, hosts: AllowedHosts | None = None
    ) -> None:
        self._router = router
        self._hosts = hosts
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

    def find(self, octets: bytes) -> Match | None:
        """Return the match of octets that are exactly one head; None for others (see `parse_if_whole`).

        Raises:
            RequestError: the head breaks one of the rules that hold for every route.
        """
        latest = self._latest
        if latest is not None and latest.head.octets == octets:
            return latest
        head = parse_if_whole(octets)
        if head is None:
            return None
        self._latest = match = self.match(head)
        return match

    def match(self, head: RequestHead) -> Match:
        """Return the route that answers this head.

        Raises:
            RequestError: the head breaks one of the rules that hold for every route.
        """
        if len(head.target) > self._longest_target:
            raise TargetTooLong(f"the target exceeds {self._longest_target} octets")
        path = head.path
        if head.method not in KNOWN_METHODS:
            raise _unknown_method(head.method)
        if path[:1] != "/" or head.method == "CONNECT":
            _check_target(head)
        elif path[:2] == "//":
            _check_authority(path)
        if head.oddities and Oddity.EMPTY_HOST in head.oddities:
            raise MalformedRequest("the Host is empty (RFC 9112 §3.2)")
        if self._instead is None:
            if "%" in path:
                path = _UNRESERVED.sub(_decoded, path)
            route, parameters = self._router.find(head.method, path)
            if route.variant is not None:
                route = route.variant(head) or route
        else:
            route, parameters = self._instead, {}
        if self._hosts is not None and not route.gives_away:  # their owner checks what it has to
            self._hosts.check(head.host or "")
        if head.oddities and Oddity.EXPECTATION in head.oddities and not route.refuses:
            raise ExpectationFailed("only 100-continue can be expected")
        match = Match(head, route, parameters)
        if head.request_id is not None and _REQUEST_ID.fullmatch(head.request_id):
            match.given_id = head.request_id.encode()
        if head.traceparent is not None and (found := _TRACEPARENT.fullmatch(head.traceparent)):
            match.trace_id = found[1]
            match.given_id = match.given_id or found[1].encode()
        return match


def _unknown_method(method: str) -> RequestError:
    if method.upper() in KNOWN_METHODS:
        return UnknownMethod(f"the method {method} has to be in capitals (RFC 9110 §9.1)")
    return UnknownMethod(
        f"the method {method[:40]} is not one of {', '.join(sorted(KNOWN_METHODS))}"
    )


def _check_target(head: RequestHead) -> None:
    """Refuse a target in none of the forms that an origin server may receive (RFC 9112 §3.2)."""
    if head.method == "CONNECT":
        raise MalformedRequest(
            "CONNECT is for proxies, and this is an origin server (RFC 9110 §9.3.6)"
        )
    if (head.method, head.target) != ("OPTIONS", "*"):
        form = "the target is neither a path nor an http URL"
        if head.target == "*":
            form = "the target * is for OPTIONS only"
        raise MalformedRequest(f"{form} (RFC 9112 §3.2)")


def _check_authority(path: str) -> None:
    """Refuse a path that others may read as a malformed authority (RFC 3986 §3.2)."""
    authority = path[2:].partition("/")[0]
    if ("[" in authority) != ("]" in authority):
        raise MalformedRequest("the target is not a path (RFC 9112 §3.2)")
