"""/api/playground: the request lab, and the state in one document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from msgspec import Meta

from hamms_trio.http import Response
from hamms_trio.http.routes.response import JSON
from hamms_trio.recording.store import HistoryQuery, HistoryRow
from hamms_trio.recording.store.seam import PAGE_OCTETS
from hamms_trio.workbench.api.operations import ApiCall, Operation, success
from hamms_trio.workbench.history import History
from hamms_trio.workbench.history.record import combined, written
from hamms_trio.workbench.routing.dispatch import dispatch
from hamms_trio.workbench.routing.documents import Document, convert, show
from hamms_trio.workbench.routing.problems import Problem

CODE = "invalid_request"
RECORDS_AT_ONCE = 1_000  # records that are read at once
_MESSAGES = {
    "headers": "headers must be an object of names and texts",
    "path": "path must start with /",
}


class LabRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A request that the workbench makes to itself."""

    method: str = "GET"
    path: Annotated[str, Meta(extra_json_schema={"pattern": "^/"})] = "/"
    headers: dict[str, str] = {}
    body: str = ""


async def make_request(call: ApiCall) -> Response:
    asked = convert(await call.document(), LabRequest, CODE, _MESSAGES)
    if not asked.path.startswith("/"):
        raise Problem(400, CODE, f"path must start with /, and path is {show(asked.path)}")
    body = asked.body.encode()
    most = call.bench.settings.mocks.body_octets
    if len(body) > most:
        words = f"request body too large: body has {len(body)} octets, the limit is {most}"
        raise Problem(413, CODE, words)
    answer = await dispatch(
        call.bench.service, asked.method, asked.path, asked.headers.items(), body
    )
    response: Document = {
        "status": answer.status,
        "headers": dict(answer.fields),
        **written(answer.body),
    }
    lowered = combined(answer.fields)
    if len(lowered) < len(answer.fields):  # fields that came more than once
        response["headers"] = lowered
    if answer.truncated:
        response["truncated"] = True
    return success({"request": {"method": asked.method, "path": asked.path}, "response": response})


async def show_state(call: ApiCall) -> Response:
    call.bench.service.account.settle()
    history, query = call.bench.history, HistoryQuery(limit=RECORDS_AT_ONCE)
    rows = await history.rows(query)
    mocks = msgspec.json.encode(call.bench.mocks.documents())
    beginning = b'{"version": 1, "mocks": %b, "history": [' % mocks
    fields = (("Content-Type", JSON),)
    if len(rows) < RECORDS_AT_ONCE and sum(row.octets for row in rows) < PAGE_OCTETS:
        octets = b"".join((beginning, _joined(rows), b"]}"))
        return Response(200, octets, fields)
    return Response(200, _pieces(history, query, beginning, rows), fields)


async def _pieces(
    history: History, query: HistoryQuery, beginning: bytes, rows: list[HistoryRow]
) -> AsyncIterator[bytes]:
    """Yield the state page by page: a long history would fill the memory and block other connections."""
    yield beginning + _joined(rows)
    while rows := await history.rows(msgspec.structs.replace(query, beyond=rows[-1].number)):
        yield b", " + _joined(rows)
    yield b"]}"


def _joined(rows: list[HistoryRow]) -> bytes:
    return b", ".join(row.document for row in rows)


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/playground/request",
        handler=make_request,
        summary="Make a request to this server, and show the answer.",
        body=LabRequest,
        answer={"type": "object", "required": ["request", "response"]},
    ),
    Operation(
        method="GET",
        path="/api/playground/state",
        handler=show_state,
        summary="Show all mocks and the whole history.",
        answer={"type": "object", "required": ["version", "mocks", "history"]},
    ),
)
