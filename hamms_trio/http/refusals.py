"""Errors as responses: in one shape, whatever went wrong."""

from __future__ import annotations

import logging
import re

from hamms_trio.errors import MethodNotAllowed, NoRoom, RequestError
from hamms_trio.http.account import Account
from hamms_trio.http.request import Request
from hamms_trio.http.response import Response, error, explain
from hamms_trio.http.routing import Match, Route
from hamms_trio.http.service import RETRY_AFTER, Service
from hamms_trio.wire import RequestHead
from hamms_trio.wire.request_line import TOKEN

logger = logging.getLogger(__name__)

# How requests that could not be read are called in metrics and the access log, by status.
REFUSED = {
    400: "request/malformed",
    408: "request/timeout",
    413: "request/too_large",
    414: "request/header_too_large",
    417: "request/bad_request",
    431: "request/header_too_large",
    501: "request/bad_request",
    503: "request/no_room",
    505: "request/bad_request",
}
# As much of a request line as says what was asked for, whatever is wrong with the rest.
_ASKED = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) ")
_LOGGED_PATH = 2048

FULL = error(
    503,
    "too_many_connections",
    "Service Unavailable: too many connections",
    ("Retry-After", str(RETRY_AFTER)),
    close=True,
)

# What a route is not ready with in time. Not 504, which says that somebody upstream was too slow (RFC 9110
# §15.6.5): there is nobody upstream. Go's http.TimeoutHandler says 503 too.
OVERDUE = error(503, "overdue", "Service Unavailable: the answer was not there in time")


def refusal(problem: RequestError) -> Response:
    """What the client is told of why its request is not answered."""
    if isinstance(problem, NoRoom):
        return error(
            problem.status,
            "no_room",
            f"Service Unavailable: {problem}",
            ("Retry-After", str(RETRY_AFTER)),
            close=True,
        )
    fields = (("Allow", problem.allow),) if isinstance(problem, MethodNotAllowed) else ()
    return explain(problem.status, str(problem), *fields)


def respond(service: Service, route: Route, request: Request) -> Response:
    """What a plain function answers."""
    try:
        return checked(route.handler(request))
    except RequestError as problem:
        return refusal(problem)
    except Exception:  # the boundary: a bug in one route costs one answer
        logger.exception("%s: bug in this route", route.key)
        return internal_error(service.account, request)


def checked(response: object) -> Response:
    """What a route has returned, if it is one."""
    if not isinstance(response, Response):
        raise TypeError(f"the route returned {response!r:.80}, and not a Response")
    return response


def internal_error(account: Account, request: Request) -> Response:
    """What the client is told of a bug of ours."""
    account.errors["dispatch"] += 1
    return error(500, "internal_error", "Internal Server Error", request_id=request.id.decode())


def unreadable(octets: bytes, problem: RequestError) -> Match:
    """What stands for a request that could not be read, with as much of its request line as could."""
    asked = _ASKED.match(octets)
    method, target = (part.decode() for part in asked.groups()) if asked else ("-", "-")
    path = target.partition("#")[0].partition("?")[0][:_LOGGED_PATH]
    head = RequestHead(octets, (method, target, 1, path, "", ()))
    return Match(head, _ROUTES[REFUSED[problem.status]], {})


def refused(match: Match, problem: RequestError) -> Match:
    """What stands for a request that was read, and refused before its route was asked."""
    route = _ROUTES[REFUSED[problem.status]]
    return Match(match.head, route, match.parameters, match.given_id, match.trace_id)


def turned_away() -> Match:
    """What stands for the request of a client for which there is no room.

    Made anew, since a match belongs to one server: how its access log has it is kept there.
    """
    return Match(RequestHead(b"", ("-", "-", 1, "-", "", ())), _QUEUE_FULL, {})


def _unanswered(_request: Request) -> Response:
    raise AssertionError("stands for a request that was never read")


_ROUTES = {key: Route(key, _unanswered) for key in {*REFUSED.values()}}
_QUEUE_FULL = Route("queue/full", _unanswered)
