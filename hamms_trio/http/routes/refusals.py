"""Error responses, all with the same JSON document."""

from __future__ import annotations

import logging
import re

from hamms_trio.errors import MethodNotAllowed, NoRoom, RequestError
from hamms_trio.http.accounting.account import Account
from hamms_trio.http.routes.match import Match
from hamms_trio.http.routes.request import Request
from hamms_trio.http.routes.response import GivenAway, Response, error, explain
from hamms_trio.http.routes.router import Route
from hamms_trio.http.serving.service import RETRY_AFTER_SECONDS, Service
from hamms_trio.wire import RequestHead
from hamms_trio.wire.grammar import TOKEN

logger = logging.getLogger(__name__)

# The route keys of requests that could not be read, by status.
REFUSED = {
    400: "request/malformed",
    403: "request/forbidden",
    408: "request/timeout",
    413: "request/too_large",
    414: "request/header_too_large",
    417: "request/bad_request",
    431: "request/header_too_large",
    501: "request/bad_request",
    503: "request/no_room",
    505: "request/bad_request",
}
# The part of a request line that names the resource, for the log of a malformed request.
_ASKED = re.compile(TOKEN.encode().join((rb"(", rb") ([\x21-\x7e]++) ")))
_LOGGED_PATH = 2048

FULL = error(
    503,
    "too_many_connections",
    "Service Unavailable: too many connections",
    ("Retry-After", str(RETRY_AFTER_SECONDS)),
    close=True,
)

# The answer in place of a route that is not ready in time. Not 504, which blames an upstream server (RFC 9110
# §15.6.5): there is none. Go's http.TimeoutHandler sends 503 too.
OVERDUE = error(503, "overdue", "Service Unavailable: the answer was not ready in time")


def refusal(problem: RequestError) -> Response:
    """Return the response for a refused request."""
    if isinstance(problem, NoRoom):
        return error(
            problem.status,
            "no_room",
            f"Service Unavailable: {problem}",
            ("Retry-After", str(RETRY_AFTER_SECONDS)),
            close=True,
        )
    fields = (("Allow", problem.allow),) if isinstance(problem, MethodNotAllowed) else ()
    return explain(problem.status, str(problem), *fields)


def respond(service: Service, route: Route, request: Request) -> Response:
    """Return the response of a plain function."""
    try:
        return checked(route.handler(request), request)
    except RequestError as problem:
        return refusal(problem)
    except Exception:  # the boundary: a bug in one route costs one answer
        logger.exception("%s: bug in this route", route.key)
        return internal_error(service.account, request)


def checked(response: object, request: Request) -> Response:
    """Return a route's response, or raise TypeError if the route returned something that can't be one."""
    if not isinstance(response, Response):
        raise TypeError(f"the route returned {response!r:.80}, and not a Response")
    if isinstance(response, GivenAway) and not (
        request.is_read and len(response.request_content or b"") == len(request.content)
    ):
        raise TypeError("the route gave the connection away without the request's whole content")
    return response


def internal_error(account: Account, request: Request) -> Response:
    """Return the response for a bug in a route, and count the bug."""
    account.errors["dispatch"] += 1
    return error(500, "internal_error", "Internal Server Error", request_id=request.id.decode())


def unreadable(octets: bytes, problem: RequestError) -> Match:
    """Return a match for a malformed request, with the readable part of its request line."""
    asked = _ASKED.match(octets)
    method, target = (part.decode() for part in asked.groups()) if asked else ("-", "-")
    head = RequestHead(octets, method, target)
    head.path, head.query_string = head.path[:_LOGGED_PATH], ""
    return Match(head, _ROUTES[REFUSED[problem.status]], {})


def refused(match: Match, problem: RequestError) -> Match:
    """Return a match for a request that is refused before its route runs."""
    route = _ROUTES[REFUSED[problem.status]]
    return Match(match.head, route, match.parameters, match.given_id, match.trace_id)


def turned_away() -> Match:
    """Return a match for the unread request of a connection beyond the limit."""
    return Match(RequestHead(b"", "-", "-"), _QUEUE_FULL, {})


def _unanswered(_request: Request) -> Response:
    raise AssertionError("this route only names refused requests in the account")


_ROUTES = {key: Route(key, _unanswered) for key in {*REFUSED.values()}}
_QUEUE_FULL = Route("queue/full", _unanswered)
