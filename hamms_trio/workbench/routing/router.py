"""The workbench's router: its own routes first, then the mocks; accounts guard the paths that neither has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from inspect import iscoroutinefunction

import trio

from hamms_trio.http import GivenAway, Request, Response, Router, error
from hamms_trio.http.routes.router import H, Handler, Route
from hamms_trio.lab.shared.control import API_PREFIX
from hamms_trio.lab.shared.labels import MODE_PREFIX
from hamms_trio.workbench.accounts.guard import Guard, bearer_token
from hamms_trio.workbench.accounts.roles import PROTECTED
from hamms_trio.workbench.failures import Failures
from hamms_trio.workbench.live.recorder import AnswerRecorder
from hamms_trio.workbench.mocks import Candidates, Mock, MockAnswer, MockAnswers, Mocks
from hamms_trio.workbench.mocks.answers import constant_answer, is_constant
from hamms_trio.workbench.mocks.templates import has_places
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.received import ReceivedRequest

# The reference's prefixes and paths that no mock may have, beside the routes themselves.
RESERVED_PREFIXES = (
    "/static/", "/api/mocks", "/api/history", "/api/replay", "/api/playground", "/api/scenarios",
    "/api/targets", "/api/proxy", "/api/events", "/api/incidents", "/api/auth", "/api/metrics", "/api/verify",
    "/api/transcripts", "/api/checks", "/playground/", "/proxy/", "/_hamms/", "/mode/",
)  # fmt: skip
RESERVED_PATHS = frozenset(
    (
        "/",
        "/submit",
        "/stream",
        "/_metrics",
        "/metrics",
        "/playground",
        "/playground-minimal",
        "/openapi.json",
    )
)
AFFECTED = frozenset(("/", "/submit", "/stream"))  # by incidents, though reserved
PROXIED = "/proxy/"
# Paths that the lab answers, if it is there.
LAB_PREFIXES = (MODE_PREFIX, API_PREFIX)
CAN_NOT_FAIL = error(
    502,
    "failure_mode",
    "a failure mode answers this request, and it needs the client's own connection",
)
MAX_KNOWN_PATHS = 1_000  # paths; a pattern matches any number
_NOTHING: Mapping[str, str] = {}


def refusal_of(problem: Problem) -> Response:
    """Return the response of a refusal."""
    return error(problem.status, problem.code, problem.message, *problem.fields)


def is_immune(path: str) -> bool:
    """Return True if no incident affects this path: people watch incidents and end them there."""
    if path in AFFECTED:
        return False
    return path in RESERVED_PATHS or (
        path.startswith(RESERVED_PREFIXES) and not path.startswith(PROXIED)
    )


def reserved_by_name(path: str) -> bool:
    """Return True if no mock can have this path in any workbench."""
    return path in RESERVED_PATHS or path.startswith(RESERVED_PREFIXES)


class WorkbenchRouter(Router):
    """The routes of one workbench; `attach` adds the mocks."""

    def __init__(self, guard: Guard) -> None:
        super().__init__()
        self._guard = guard
        self._mocks: Mocks | None = None
        self._answers: MockAnswers | None = None
        self._recorder: AnswerRecorder | None = None
        self._failures: Failures | None = None
        self._beside: dict[str, Route] = {}  # by the beginning of the path
        self._fixed: dict[str, Route] = {}  # by id, of mocks whose answer is always the same
        self._known: dict[tuple[str, str], Route] = {}  # the same, by method and path
        self._strike: Callable[[Route], Route] | None = None

    def route(
        self, method: str, template: str, *, max_content: int | None = None
    ) -> Callable[[H], H]:
        """Declare a handler; the exchanges of a handler that does not wait are kept for the recorder."""
        declare = super().route(method, template, max_content=max_content)

        def declare_kept(handler: H) -> H:
            declare(handler if iscoroutinefunction(handler) else self._kept(handler))
            return handler

        return declare_kept

    def _kept(self, handler: Handler) -> Handler:
        def answer(request: Request) -> Response:
            response = handler(request)
            assert isinstance(response, Response)
            if self._recorder is not None:
                self._recorder.keep(request, request.content, response)
            return response

        return answer

    def attach(
        self,
        mocks: Mocks | None,
        answers: MockAnswers,
        recorder: AnswerRecorder,
        failures: Failures,
    ) -> None:
        """Connect the recorder, and let mocks answer the paths that no route has."""
        self._mocks, self._answers, self._recorder = mocks, answers, recorder
        self._failures = failures
        if (take := failures.beside()) is not None:
            self._beside = {
                prefix: Route(f"{prefix}*", GivenAway(take, None, CAN_NOT_FAIL, to=prefix))
                for prefix in LAB_PREFIXES
            }

    def refresh(self) -> None:
        """Clear the cached routes of mocks, because the mocks have changed."""
        self._fixed.clear()
        self._known.clear()

    def strike(self, strike: Callable[[Route], Route] | None) -> None:
        """Apply a function to every route that an incident may affect; None ends that."""
        self._strike = strike
        self.refresh()

    def is_reserved(self, path: str) -> bool:
        """Return True if no mock can have this path, because a route has it or may have it."""
        if reserved_by_name(path):
            return True
        route, _ = super().find("GET", path)
        return route is not self.otherwise

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """Return the route of a request: a built-in one, a mock's, or one that refuses."""
        if self._strike is not None and not is_immune(path):
            route, parameters = self._find(method, path)
            return self._strike(route), parameters
        return self._find(method, path)

    def _find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        known = self._known.get((method, path))
        if known is not None:
            return known, _NOTHING
        route, parameters = super().find(method, path)
        if route is self.otherwise and path.startswith(LAB_PREFIXES) and self._beside:
            return self._beside[
                MODE_PREFIX if path.startswith(MODE_PREFIX) else API_PREFIX
            ], _NOTHING
        if route is self.otherwise and self._mocks is not None:
            candidates = self._mocks.find(method, path)
            if candidates:
                route = self._mock_route(candidates)
                if route.fixed is not None and len(self._known) < MAX_KNOWN_PATHS:
                    self._known[method, path] = route
                return route, _NOTHING
            if allowed := self._mocks.methods(path):
                return _not_allowed(path, allowed), _NOTHING
        if route.refuses and self._guard.is_on and path.startswith(PROTECTED):
            return self._guarded(route), _NOTHING
        return route, parameters

    def _guarded(self, route: Route) -> Route:
        """Return a route that checks the caller before it reports that the path is unknown."""

        def answer(request: Request) -> Response:
            try:
                token = bearer_token(request.get("authorization"), request.query)
                self._guard.check(request.method, request.path, token)
            except Problem as problem:
                return refusal_of(problem)
            assert route.fixed is not None
            return route.fixed

        return Route("other", answer, refuses=True)

    def _mock_route(self, candidates: Candidates) -> Route:
        mock = candidates.certain
        if mock is None:
            return Route("mock", self._choosing(candidates))
        route = self._fixed.get(mock.id)
        if route is None and _is_fixed(mock):
            route = self._fixed[mock.id] = Route(_key(mock), _as_response(constant_answer(mock)))
        return route or Route(_key(mock), self._choosing(candidates))

    def _choosing(self, candidates: Candidates) -> Callable[[Request], Awaitable[Response]]:
        answers, recorder, failures = self._answers, self._recorder, self._failures
        otherwise = self.otherwise.fixed
        assert answers is not None
        assert recorder is not None
        assert failures is not None
        assert otherwise is not None

        async def respond(request: Request) -> Response:
            content = await request.read()
            asked = ReceivedRequest(
                request.method, request.path, request.query_string, request.head.fields, content
            )
            mock = candidates.choose(asked)
            if mock is None:
                response = otherwise
            else:
                answer = await answers.answer(mock, asked)
                response = await _response(answer, content, failures)
            recorder.keep(request, content, response)
            return response

        return respond


def _key(mock: Mock) -> str:
    return f"{mock.method} {mock.path_pattern}"


def _is_fixed(mock: Mock) -> bool:
    """Return True if all requests get the same octets at once."""
    texts = (mock.body, *mock.headers.values())
    is_stream = "event-stream" in mock.content_type.lower()
    return (
        is_constant(mock)
        and not (mock.fail or mock.delay_ms or is_stream)
        and not any(map(has_places, texts))
    )


async def _response(answer: MockAnswer, content: bytes, failures: Failures) -> Response:
    """Return the response of a mock, once its delay is over."""
    if answer.fail:
        await trio.sleep(answer.delay)
        try:
            return GivenAway(failures.owner(answer.fail), content, CAN_NOT_FAIL, to=answer.fail)
        except ValueError as problem:
            return error(502, "failure_mode", str(problem))
    if answer.events is not None:
        return Response(answer.status, _events(answer.events, answer.delay), answer.fields)
    await trio.sleep(answer.delay)
    return _as_response(answer)


def _as_response(answer: MockAnswer) -> Response:
    return Response(answer.status, answer.body, answer.fields)


async def _events(events: list[bytes], pause: float) -> AsyncIterator[bytes]:
    """Yield the events of a stream, each after a pause."""
    for event in events:
        await trio.sleep(pause)
        yield event


def _not_allowed(path: str, methods: set[str]) -> Route:
    allow = ", ".join(sorted({*methods, "OPTIONS"}))
    message = f"Method Not Allowed: {path} takes {allow}"
    return Route("other", error(405, "method_not_allowed", message, ("Allow", allow)), refuses=True)
