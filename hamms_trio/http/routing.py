"""Which route answers which request: a table, filled by decorators.

A template is a path whose segments may be ``{name}``, and whose last may be ``*`` for all that follows::

    @router.get("/users/{id}")
    def show(request: Request) -> Response:
        return text(request.parameters["id"])

GET brings HEAD with it, and every path answers OPTIONS. Paths are compared as they are sent.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from inspect import iscoroutinefunction
from typing import TypeVar

from hamms_trio.errors import HammsError
from hamms_trio.http.request import Request
from hamms_trio.http.response import Response, error
from hamms_trio.wire import RequestHead

Handler = Callable[[Request], Response] | Callable[[Request], Awaitable[Response]]
H = TypeVar("H", bound=Handler)

_SEGMENT = re.compile(r"\{([a-z_]+)\}")
NOT_FOUND = error(404, "not_found", "Not Found: no route has this path")
_NOTHING: Mapping[str, str] = {}


def _always(response: Response) -> Callable[[Request], Response]:
    return lambda _request: response


class Route:
    """What answers one method on one template.

    Attributes:
        fixed: the response, if it is always the same.
        key: how it is called in metrics and the access log.
        refuses: whether it answers without the content.
        waits: whether it is a coroutine, with a task of its own.
        max_content: octets of content it takes; None for what the server takes.
    """

    __slots__ = ("fixed", "handler", "key", "max_content", "refuses", "waits")

    def __init__(
        self,
        key: str,
        handler: Handler | Response,
        max_content: int | None = None,
        *,
        refuses: bool = False,
    ) -> None:
        self.fixed = handler if isinstance(handler, Response) else None
        self.key = key
        self.refuses = refuses
        self.handler: Handler = _always(handler) if isinstance(handler, Response) else handler
        self.waits = iscoroutinefunction(handler)
        self.max_content = max_content


MISSING = Route("other", NOT_FOUND, refuses=True)


class Match:
    """A request head with all that could be found out about it; immutable, so heads seen again share it.

    Attributes:
        given_id: the X-Request-ID that the client gave, or else the trace id of its traceparent.
        like: the match that this one differs from in its X-Request-ID only; None if there is none.
        log_text: what the access log says of all such requests, once it has; kept by the one they are ``like``.
        octets: the head as it was sent.
        plain: whether it is answered at once, and the response neither to be abridged nor the last one.
    """

    __slots__ = (
        "_head",
        "given_id",
        "like",
        "log_text",
        "octets",
        "parameters",
        "plain",
        "route",
        "trace_id",
    )

    def __init__(
        self,
        head: RequestHead,
        route: Route,
        parameters: Mapping[str, str],
        given_id: bytes | None = None,
        trace_id: str | None = None,
    ) -> None:
        self._head: RequestHead | None = head
        self.octets = head.octets
        self.route = route
        self.parameters = parameters
        self.given_id = given_id
        self.trace_id = trace_id
        self.like: Match | None = None
        self.log_text = ""
        self.plain = (
            head.persistent
            and head.minor_version == 1
            and not route.waits
            and not head.has_body
            and head.method != "HEAD"
        )

    def called(self, octets: bytes, request_id: bytes) -> Match:
        """The match of a head that differs in its X-Request-ID only."""
        match = Match.__new__(Match)
        match._head = None  # made when it is asked for, as few routes do
        match.octets = octets
        match.route = self.route
        match.parameters = self.parameters
        match.given_id = request_id
        match.trace_id = self.trace_id
        match.like = self
        match.log_text = ""
        match.plain = self.plain
        return match

    @property
    def head(self) -> RequestHead:
        head = self._head
        if head is None:
            assert self.like is not None
            assert self.given_id is not None
            head = self._head = self.like.head.called(self.octets, self.given_id)
        return head


class Resource:
    """The routes of one template, by method."""

    __slots__ = ("allow", "match", "names", "not_allowed", "routes", "template")

    def __init__(self, template: str) -> None:
        self.template = template
        pattern = _pattern(template)
        self.match = pattern.fullmatch
        self.names = ["*" if name == "rest__" else name for name in pattern.groupindex]
        self.routes: dict[str, Route] = {}
        self.allow = ""
        self.not_allowed = MISSING

    def add(self, method: str, handler: Handler | Response, max_content: int | None) -> None:
        if method in self.routes and (method, "HEAD") != ("HEAD", method):
            raise HammsError(f"{method} {self.template} has a route already")
        self.routes[method] = Route(f"{method} {self.template}", handler, max_content)
        if method == "GET":
            self.routes.setdefault("HEAD", Route(f"HEAD {self.template}", handler, max_content))
        self.allow = ", ".join(sorted({*self.routes, "OPTIONS"}))
        allow = ("Allow", self.allow)
        options = Response(204, fields=(allow,))
        self.routes["OPTIONS"] = Route(f"OPTIONS {self.template}", options)
        message = f"Method Not Allowed: {self.template} takes {self.allow}"
        refusal = error(405, "method_not_allowed", message, allow)
        self.not_allowed = Route("other", refusal, refuses=True)

    def route(self, method: str) -> Route:
        return self.routes.get(method, self.not_allowed)


class Router:
    """The table of routes.

    Attributes:
        otherwise: answers what no route does; 404 unless it is set.
    """

    def __init__(self) -> None:
        self._exact: dict[str, Resource] = {}
        self._open: dict[str, list[Resource]] = {}  # by first segment, "" if open
        # The same, those whose first segment is open after the others.
        self._candidates: dict[str, tuple[Resource, ...]] = {}
        self._any_first: tuple[Resource, ...] = ()
        self.otherwise = MISSING
        self._server = Resource("*")  # asked for its options as a whole
        self._server.add("OPTIONS", self._server_options, None)

    def route(
        self, method: str, template: str, *, max_content: int | None = None
    ) -> Callable[[H], H]:
        """Declare what answers ``method`` on ``template``.

        A plain function has the whole content, must not block, and answers at once. A coroutine
        has a task of its own; it may wait for anything, and reads the content as it comes. It is cancelled,
        and its client answered 503, unless it has returned within `ServerLimits.answer_seconds`.
        """

        def declare(handler: H) -> H:
            self._resource(template).add(method, handler, max_content)
            return handler

        return declare

    def fixed(self, method: str, template: str, response: Response) -> None:
        """Declare that the answer is always the same."""
        self._resource(template).add(method, response, None)

    def get(self, template: str) -> Callable[[H], H]:
        """Declare what answers GET and HEAD."""
        return self.route("GET", template)

    def post(self, template: str, *, max_content: int | None = None) -> Callable[[H], H]:
        """Declare what answers POST."""
        return self.route("POST", template, max_content=max_content)

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """The route for a request, and what its template left open; one that refuses if there is none."""
        resource = self._exact.get(path)
        if resource is not None:
            return resource.route(method), _NOTHING
        for resource in self._candidates.get(path[1:].partition("/")[0], self._any_first):
            if found := resource.match(path):
                names = resource.names
                return resource.route(method), dict(zip(names, found.groups(), strict=True))
        if path == "*" and method == "OPTIONS":
            return self._server.route(method), _NOTHING
        return self.otherwise, _NOTHING

    @property
    def templates(self) -> dict[str, str]:
        """Every template and the methods it takes."""
        resources = [*self._exact.values(), *(r for those in self._open.values() for r in those)]
        return {resource.template: resource.allow for resource in resources}

    def _resource(self, template: str) -> Resource:
        if not _is_open(template):
            return self._exact.setdefault(template, Resource(template))
        first = _first_segment(template)
        those = self._open.setdefault("" if _is_open(first) else first, [])
        for resource in those:
            if resource.template == template:
                return resource
        those.append(Resource(template))
        # The longest first, and names before the rest of a path.
        those.sort(key=lambda resource: (resource.template.endswith("*"), -len(resource.template)))
        anywhere = self._any_first = tuple(self._open.get("", ()))
        self._candidates = {
            first: (*resources, *anywhere) for first, resources in self._open.items() if first
        }
        return self._resource(template)

    def _server_options(self, _request: Request) -> Response:
        methods = {method for allow in self.templates.values() for method in allow.split(", ")}
        return Response(204, fields=(("Allow", ", ".join(sorted(methods))),))


def _is_open(template: str) -> bool:
    return template.endswith("*") or "{" in template


def _first_segment(path: str) -> str:
    return path[1:].partition("/")[0]


def _pattern(template: str) -> re.Pattern[str]:
    fixed, star = (template[:-1], "(?P<rest__>.*)") if template.endswith("*") else (template, "")
    parts = _SEGMENT.split(fixed)  # text and names in turn
    pieces = [f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts)]
    return re.compile("".join(pieces) + star)
