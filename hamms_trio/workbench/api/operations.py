"""Operations of the API: the rows of the table of routes, and the steps that all of them share.

Each request is checked against accounts and origins, answered, and recorded here, once. A row also carries
everything that the OpenAPI document needs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from hamms_trio.errors import RequestError, StoreUnavailable
from hamms_trio.http import Request, Response, error, json_response
from hamms_trio.http.routes.refusals import refusal
from hamms_trio.http.routes.response import JSON
from hamms_trio.workbench.accounts import check_origin
from hamms_trio.workbench.accounts.guard import bearer_token
from hamms_trio.workbench.accounts.roles import READS
from hamms_trio.workbench.bench import ERRORS, Bench
from hamms_trio.workbench.live.recorder import AnswerRecorder
from hamms_trio.workbench.routing.documents import Document, read_object
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.router import WorkbenchRouter, refusal_of

MAX_CONTENT = 512 * 1024  # octets, the reference's limit
RETRY_AFTER = ("Retry-After", "1")


@dataclass
class ApiCall:
    """One call of an operation.

    Attributes:
        content: the request's content, once it has been read.
        token: the token of the caller.
        notes: members for the access log.
    """

    bench: Bench
    request: Request
    token: str | None
    content: bytes = b""
    notes: dict[str, object] = field(default_factory=dict)

    async def document(self, noun: str = "top-level json") -> Document:
        """Read the request's content as a JSON object.

        Raises:
            Problem: the content is something else.
        """
        return read_object(await self.octets(), noun=noun)

    async def octets(self) -> bytes:
        """Read the request's content."""
        self.content = await self.request.read()
        return self.content

    def parameter(self, name: str) -> str:
        """Return a segment of the path."""
        return self.request.parameters[name]


OperationHandler = Callable[[ApiCall], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Query:
    """A parameter of the query, for the OpenAPI document."""

    name: str
    description: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row of the table.

    Attributes:
        summary: a sentence for the OpenAPI document.
        body: the model of the request's content.
        models: further models, to which the answer or the body's model refers.
        answer: the schema of the content of a success.
        statuses: the statuses of refusals, in addition to those of every operation.
        media_type: the media type of a success.
    """

    method: str
    path: str
    handler: OperationHandler
    summary: str
    status: int = 200
    body: type[msgspec.Struct] | None = None
    models: tuple[type[msgspec.Struct], ...] = ()
    answer: Mapping[str, object] = field(default_factory=lambda: {"type": "object"})
    query: tuple[Query, ...] = ()
    statuses: tuple[int, ...] = ()
    media_type: str = JSON
    max_content: int = MAX_CONTENT

    @property
    def changes(self) -> bool:
        """True if the operation changes something."""
        return self.method not in READS


def add_operations(
    router: WorkbenchRouter,
    bench: Bench,
    recorder: AnswerRecorder,
    operations: tuple[Operation, ...],
) -> None:
    """Declare the routes of a table."""
    for operation in operations:
        handler = _bound(operation, bench, recorder)
        declare = router.route(operation.method, operation.path, max_content=operation.max_content)
        declare(handler)


def success(content: object, status: int = 200) -> Response:
    """Return a success in JSON."""
    return json_response(content, status)


def _bound(
    operation: Operation, bench: Bench, recorder: AnswerRecorder
) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        token = bearer_token(request.get("authorization"), request.query)
        call = ApiCall(bench, request, token)
        try:
            response = await _perform(operation, call)
        except Problem as problem:
            response = refusal_of(problem)
        except StoreUnavailable as problem:
            response = error(503, "store_unavailable", str(problem), RETRY_AFTER)
        except RequestError as problem:
            response = refusal(problem)
        if operation.changes and response.status >= 400:
            await bench.store.count(ERRORS)
        if call.notes:
            bench.service.account.annotate(request.id, request.client, call.notes)
        recorder.keep(request, call.content, response)
        return response

    return handle


async def _perform(operation: Operation, call: ApiCall) -> Response:
    request = call.request
    if operation.changes:
        check_origin(
            request.get("host") or "",
            request.get("origin"),
            request.get("sec-fetch-site"),
            call.bench.settings.names,
        )
    call.bench.guard.check(request.method, request.path, call.token)
    return await operation.handler(call)
