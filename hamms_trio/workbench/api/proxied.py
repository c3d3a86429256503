"""/proxy/{target}/...: a target under a path, so that any client can reach it through the workbench.

Octets stream in both directions. Incidents affect these routes like every route outside the API, and the target's
own failure mode strikes its share of the requests.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from hamms_trio.http import BodyBroken, GivenAway, Request, Response, SizedBody, error
from hamms_trio.workbench.accounts.guard import bearer_token
from hamms_trio.workbench.accounts.roles import Role
from hamms_trio.workbench.api.proxy import TOO_DEEP, seconds_for
from hamms_trio.workbench.bench import Bench
from hamms_trio.workbench.failures import Failures
from hamms_trio.workbench.live.recorder import AnswerRecorder
from hamms_trio.workbench.routing.dispatch import MAX_HOPS, enter, hops
from hamms_trio.workbench.routing.documents import ROUTED_METHODS, Document
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.router import CAN_NOT_FAIL, WorkbenchRouter, refusal_of
from hamms_trio.workbench.targets import Outgoing, Target, TargetFailed
from hamms_trio.workbench.targets.failing import Failing
from hamms_trio.workbench.targets.fields import fields_for_client, fields_for_target

if TYPE_CHECKING:
    from hamms_trio.workbench.targets.connections import Arrived

# Octets of a request's content, which is streamed and not kept.
MAX_STREAMED_CONTENT = 1024 * 1024 * 1024
WHOLE_CONTENT = 64 * 1024  # octets up to which a request's content is read before it is sent on
WHOLE_ANSWER = 64 * 1024  # octets up to which an answer's content is read whole, and recorded
TEMPLATES = ("/proxy/{target}", "/proxy/{target}/*")
TOKEN_NEEDED = ("Proxy-Authenticate", 'Bearer realm="hamms-trio"')


def _described(path: str) -> Document:
    """Describe a path for the OpenAPI document."""
    names = [name for name in ("target", "path") if f"{{{name}}}" in path]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]
    return {
        method.lower(): {
            "operationId": f"{method.lower()}_{'_'.join(names)}",
            "summary": "Send the request to a target.",
            "tags": ["proxy"],
            "security": [],
            "parameters": parameters,
            "responses": {
                "502": {"description": "The target failed, or answered so itself."},
                "504": {"description": "The target took too long, or answered so itself."},
                "default": {"description": "The target's answer, or a refusal of the workbench."},
            },
        }
        for method in (*ROUTED_METHODS, "HEAD")
    }


PROXIED_PATHS = {
    path: _described(path) for path in (template.replace("*", "{path}") for template in TEMPLATES)
}


def add_proxied(
    router: WorkbenchRouter, bench: Bench, failures: Failures, recorder: AnswerRecorder
) -> None:
    """Declare the routes."""
    proxied = _Proxied(bench, failures, recorder)
    for template in TEMPLATES:
        for method in ROUTED_METHODS:
            router.route(method, template, max_content=MAX_STREAMED_CONTENT)(proxied.handler)


class _Proxied:
    def __init__(self, bench: Bench, failures: Failures, recorder: AnswerRecorder) -> None:
        self._bench = bench
        self._failures = failures
        self._recorder = recorder

    @property
    def handler(self) -> Callable[[Request], Awaitable[Response]]:
        """The route's handler."""

        async def relay(request: Request) -> Response:
            try:
                return await self._answer(request)
            except Problem as problem:
                return refusal_of(problem)

        return relay

    async def _answer(self, request: Request) -> Response:
        bench = self._bench
        self._check_caller(request)
        name = request.parameters["target"]
        target = bench.targets.usable(name)
        enter(bench.calls.hops.count(request.head.octets))
        if hops() >= MAX_HOPS:
            return TOO_DEEP
        if fail := bench.targets.next_failure(target):
            return await self._fail(request, fail)
        outgoing = await self._outgoing(request, target)
        try:
            response = await self._relay(request, name, target, outgoing)
        except TargetFailed as problem:
            response = error(
                problem.status, problem.code, str(problem), reason=problem.failing.name.lower()
            )
        finally:
            # A target may answer before the request's end.
            if isinstance(outgoing.content, AsyncGenerator):
                await outgoing.content.aclose()
        path = outgoing.path.decode()
        trace_id = request.id.decode()
        bench.calls.note(target, request.method, path, response.status, trace_id)
        return response

    def _check_caller(self, request: Request) -> None:
        """Refuse callers without an operator's token while accounts are on.

        The token stands in Proxy-Authorization, because Authorization is meant for the target.
        """
        guard = self._bench.guard
        if guard.is_on:
            identity = guard.identify(bearer_token(request.get("proxy-authorization"), {}))
            if identity is None or identity.role < Role.OPERATOR:
                words = "Proxy-Authorization needs the token of an operator"
                raise Problem(407, "proxy_authentication_required", words, TOKEN_NEEDED)

    async def _fail(self, request: Request, fail: str) -> Response:
        content = await request.read()
        try:
            return GivenAway(self._failures.owner(fail), content, CAN_NOT_FAIL)
        except ValueError as problem:
            return error(502, "failure_mode", str(problem))

    async def _outgoing(self, request: Request, target: Target) -> Outgoing:
        head = request.head
        segments = head.path.split("/", 3)
        path = f"/{segments[3]}" if len(segments) > 3 else "" if target.place.base else "/"
        if "?" in head.target:
            path += f"?{head.query_string}"
        fields = fields_for_target(head.octets)
        fields.insert(0, (b"Host", target.place.authority.encode()))
        fields.append(self._bench.calls.hops.field(hops() + 1))
        content: bytes | AsyncIterator[bytes] = b""
        if head.chunked:
            fields.append((b"Transfer-Encoding", b"chunked"))
            content = request.pieces()
        elif head.content_length or head.method in ("POST", "PUT", "PATCH"):
            fields.append((b"Content-Length", b"%d" % head.content_length))
            is_small = head.content_length <= WHOLE_CONTENT
            content = await request.read() if is_small else request.pieces()
        return Outgoing(head.method.encode(), path.encode("latin-1"), fields, content)

    async def _relay(
        self, request: Request, name: str, target: Target, outgoing: Outgoing
    ) -> Response:
        limits = self._bench.service.limits
        seconds = seconds_for(self._bench, target.timeout_ms)
        arrived = await self._bench.calls.client.send(target, outgoing, seconds=seconds)
        body = RelayedBody(arrived, max(seconds, limits.answer_seconds))
        try:
            fields = _at_proxy(fields_for_client(arrived.raw_fields), name, target)
            if request.method == "HEAD" or arrived.status in (204, 205, 304):
                await arrived.receive_some()
                await arrived.aclose()
                return _response(arrived, SizedRelayedBody(arrived, 0.0), fields)
            if arrived.is_whole and (arrived.length or 0) <= WHOLE_ANSWER:
                return await self._whole(request, arrived, fields, outgoing.content)
            if arrived.length is not None:
                body = SizedRelayedBody(arrived, body.seconds)
            return _response(arrived, body, fields)
        except BaseException:  # raised again; a cancelled request closes its call too
            with trio.CancelScope(shield=True):
                await arrived.aclose()
            raise

    async def _whole(
        self,
        request: Request,
        arrived: Arrived,
        fields: tuple[tuple[str, str], ...],
        content: object,
    ) -> Response:
        pieces = []
        while piece := await arrived.receive_some():
            pieces.append(piece)
        await arrived.aclose()
        response = _response(arrived, b"".join(pieces), fields)
        self._recorder.keep(request, content if isinstance(content, bytes) else b"", response)
        return response


class RelayedBody:
    """The content of an answer as it arrives.

    Args:
        seconds: the longest silence of the target.
    """

    def __init__(self, arrived: Arrived, seconds: float) -> None:
        self._arrived = arrived
        self.seconds = seconds

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = None
        try:
            with trio.move_on_after(self.seconds):
                piece = await self._arrived.receive_some()
        except TargetFailed as problem:
            needs_reset = problem.failing is Failing.RESET
            raise BodyBroken(str(problem), needs_reset=needs_reset) from None
        if piece is None:
            raise BodyBroken("the target was silent for too long")
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Return the connection to the pool, or close it if content is left unread."""
        await self._arrived.aclose()


class SizedRelayedBody(RelayedBody, SizedBody):
    """The content of an answer whose length the target has declared."""

    def __init__(self, arrived: Arrived, seconds: float) -> None:
        super().__init__(arrived, seconds)
        self.octets = arrived.length or 0


def _response(
    arrived: Arrived, body: bytes | RelayedBody, fields: tuple[tuple[str, str], ...]
) -> Response:
    try:
        return Response(arrived.status, body, fields, typed=False)
    except ValueError as problem:
        raise TargetFailed(Failing.MALFORMED, str(problem)) from None


def _at_proxy(
    fields: tuple[tuple[str, str], ...], name: str, target: Target
) -> tuple[tuple[str, str], ...]:
    """Rewrite a Location that leads to the target, so that the client stays at the proxy."""
    if not any(field.lower() == "location" for field, _ in fields):
        return fields
    place = target.place
    scheme = "https" if place.is_tls else "http"
    origin = f"{scheme}://{place.authority}"
    return tuple(
        [
            (
                field,
                _moved(value, origin, place.base, name) if field.lower() == "location" else value,
            )
            for field, value in fields
        ]
    )


def _moved(location: str, origin: str, base: str, name: str) -> str:
    path = location.removeprefix(origin)
    is_absolute = path.startswith("/") and not path.startswith("//")
    if not (is_absolute or (not path and location)):
        return location
    rest = path.removeprefix(base)
    if path == location and not path.startswith(base or "/"):
        return location
    if not path.startswith(base) or (rest and rest[0] not in "/?#"):
        return location
    return f"/proxy/{name}{rest or '/'}"
