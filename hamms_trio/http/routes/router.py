"""The table of routes, filled by decorators.

A template is a path whose segments may be ``{name}``; its last segment may be ``*`` for all that follows::

    @router.get("/users/{id}")
    def show(request: Request) -> Response:
        return text(request.parameters["id"])

GET includes HEAD, and every path answers OPTIONS. Paths are compared without decoding.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from inspect import iscoroutinefunction
from typing import TypeVar

from hamms_trio.errors import HammsError
from hamms_trio.http.routes.request import Request
from hamms_trio.http.routes.response import GivenAway, Response, error
from hamms_trio.wire import RequestHead

Handler = Callable[[Request], Response] | Callable[[Request], Awaitable[Response]]
H = TypeVar("H", bound=Handler)

_SEGMENT = re.compile(r"\{([a-z_]+)\}")
NOT_FOUND = error(404, "not_found", "Not Found: no route has this path")
_NOTHING: Mapping[str, str] = {}


def _always(response: Response) -> Callable[[Request], Response]:
    return lambda _request: response


class Route:
    """The handler of one method on one template.

    Attributes:
        fixed: the response, if all requests get the same one.
        gives_away: True if another owner reads and answers each request.
        is_counted: False if the metrics leave its answers out.
        key: the route's name in metrics and the access log.
        refuses: True if the route answers without reading the content.
        variant: chooses another route for some heads, before anything of this one is used; None for none.
        waits: True if the handler is a coroutine, which runs in a task.
        max_content: octets of content that the route accepts; None for the server's limit.
    """

    __slots__ = (
        "fixed",
        "gives_away",
        "handler",
        "is_counted",
        "key",
        "max_content",
        "refuses",
        "variant",
        "waits",
    )

    def __init__(
        self,
        key: str,
        handler: Handler | Response,
        max_content: int | None = None,
        *,
        refuses: bool = False,
    ) -> None:
        self.fixed = handler if isinstance(handler, Response) else None
        self.gives_away = isinstance(handler, GivenAway) and handler.request_content is None
        self.is_counted = True
        self.key = key
        self.refuses = refuses
        self.variant: Callable[[RequestHead], Route | None] | None = None
        self.handler: Handler = _always(handler) if isinstance(handler, Response) else handler
        self.waits = iscoroutinefunction(handler)
        self.max_content = max_content


MISSING = Route("other", NOT_FOUND, refuses=True)


class Resource:
    """The routes of one template, by method."""

    __slots__ = ("_has_options", "allow", "match", "names", "not_allowed", "routes", "template")

    def __init__(self, template: str) -> None:
        self.template = template
        pattern = _pattern(template)
        self.match = pattern.fullmatch
        self.names = ["*" if name == "rest__" else name for name in pattern.groupindex]
        self.routes: dict[str, Route] = {}
        self._has_options = False  # of its own, instead of ours
        self.allow = ""
        self.not_allowed = MISSING

    def add(self, method: str, handler: Handler | Response, max_content: int | None) -> None:
        if method == "OPTIONS" and not self._has_options:
            self._has_options = True
            self.routes.pop("OPTIONS", None)
        if method in self.routes and (method, "HEAD") != ("HEAD", method):
            raise HammsError(f"{method} {self.template} has a route already")
        self.routes[method] = Route(f"{method} {self.template}", handler, max_content)
        if method == "GET":
            self.routes.setdefault("HEAD", Route(f"HEAD {self.template}", handler, max_content))
        self.allow = ", ".join(sorted({*self.routes, "OPTIONS"}))
        allow = ("Allow", self.allow)
        if not self._has_options:
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
        otherwise: the route of requests without another route; 404 by default.
    """

    def __init__(self) -> None:
        self._exact: dict[str, Resource] = {}
        self._open: dict[str, list[Resource]] = {}  # by first segment, "" if that is a parameter
        # As `_open`, each followed by the resources whose first segment is a parameter.
        self._candidates: dict[str, tuple[Resource, ...]] = {}
        self._any_first: tuple[Resource, ...] = ()
        self.otherwise = MISSING
        self._server = Resource("*")  # OPTIONS * is about the server as a whole
        self._server.add("OPTIONS", self._server_options, None)

    def route(
        self, method: str, template: str, *, max_content: int | None = None
    ) -> Callable[[H], H]:
        """Declare the handler of ``method`` on ``template``.

        A plain function gets the whole content, must not block, and answers at once. A coroutine runs in a task,
        may wait for anything, and can read the content as it arrives. A coroutine that has not returned within
        `ServerLimits.answer_seconds` is cancelled, and the client gets 503.
        """

        def declare(handler: H) -> H:
            self._resource(template).add(method, handler, max_content)
            return handler

        return declare

    def fixed(self, method: str, template: str, response: Response) -> None:
        """Declare the same response for all requests."""
        self._resource(template).add(method, response, None)

    def get(self, template: str) -> Callable[[H], H]:
        """Declare the handler of GET and HEAD."""
        return self.route("GET", template)

    def post(self, template: str, *, max_content: int | None = None) -> Callable[[H], H]:
        """Declare the handler of POST."""
        return self.route("POST", template, max_content=max_content)

    def leave_out(self, template: str) -> None:
        """Leave the answers to GET and HEAD of a template out of the metrics."""
        for method in ("GET", "HEAD"):
            self._resource(template).routes[method].is_counted = False

    def vary(self, template: str, choose: Callable[[RequestHead], Route | None]) -> None:
        """Let a function choose another route for some heads that ask for this template."""
        for method in ("GET", "HEAD"):
            self._resource(template).routes[method].variant = choose

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """Return the route of a request and its parameters; for an unknown path, `otherwise`."""
        resource = self._exact.get(path)
        if resource is not None:
            return resource.routes.get(method, resource.not_allowed), _NOTHING
        for resource in self._candidates.get(path[1:].partition("/")[0], self._any_first):
            if found := resource.match(path):
                names = resource.names
                return resource.route(method), dict(zip(names, found.groups(), strict=True))
        if path == "*" and method == "OPTIONS":
            return self._server.route(method), _NOTHING
        return self.otherwise, _NOTHING

    @property
    def templates(self) -> dict[str, str]:
        """The methods of each template."""
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
        # Longer templates first; those that end in * last.
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
