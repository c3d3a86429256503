"""/api/history: the answered requests, in pages and as HAR."""

from __future__ import annotations

import msgspec

from hamms_trio.http import Response
from hamms_trio.http.routes.response import JSON
from hamms_trio.recording.store import HistoryQuery
from hamms_trio.workbench.api.operations import ApiCall, Operation, Query, success
from hamms_trio.workbench.history import page_query
from hamms_trio.workbench.history.har import har_of, mocks_of
from hamms_trio.workbench.history.pages import MAX_LIMIT
from hamms_trio.workbench.mocks.model import Mock
from hamms_trio.workbench.routing.documents import Document, show
from hamms_trio.workbench.routing.problems import Problem

_TIME = {"anyOf": [{"type": "string", "format": "date-time"}, {"const": ""}]}
FILTERS = (
    Query(name="method", description="The method, in any case."),
    Query(name="path", description="A substring of the path."),
    Query(name="status", description="The status."),
    Query(name="from_ts", description="The earliest instant.", schema=_TIME),
    Query(name="to_ts", description="The latest instant.", schema=_TIME),
    Query(
        name="limit",
        description="Records of a page.",
        schema={"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
    ),
    Query(
        name="cursor",
        description="The next_cursor of the page before; a cursor continues in its own order.",
        schema={"type": "string", "pattern": "^([on][0-9]{1,18})?$"},
    ),
    Query(
        name="order",
        description="The order of the pages and in them.",
        schema={"enum": ["oldest", "newest"], "default": "oldest"},
    ),
)
_RECORD = {
    "type": "object",
    "required": ["request_id", "method", "path", "status", "ts", "replay_input"],
}
_PAGE = {
    "type": "object",
    "required": ["history", "next_cursor"],
    "properties": {
        "history": {"type": "array", "items": _RECORD},
        "next_cursor": {"type": ["string", "null"]},
    },
}
_IMPORTED = {
    "type": "object",
    "required": ["imported", "dropped"],
    "properties": {
        "imported": {"type": "integer"},
        "dropped": {"type": "array", "items": {"type": "string"}},
    },
}


class HarLog(msgspec.Struct):
    """The ``log`` member of a HAR document."""

    entries: list[object]


class Har(msgspec.Struct):
    """A HAR 1.2 document."""

    log: HarLog


async def list_history(call: ApiCall) -> Response:
    documents, following = await call.bench.history.page(_query(call))
    # The records are JSON already, and reading them to write them again would take most of the time.
    cursor = msgspec.json.encode(following)
    octets = b'{"history": [%b], "next_cursor": %b}' % (b", ".join(documents), cursor)
    return Response(200, octets, (("Content-Type", JSON),))


async def get_record(call: ApiCall) -> Response:
    call.bench.service.account.settle()
    return success({"request": await call.bench.history.get(call.parameter("request_id"))})


async def clear_history(call: ApiCall) -> Response:
    call.bench.service.account.settle()
    await call.bench.store.clear_history()
    return success({"deleted": True})


async def export_har(call: ApiCall) -> Response:
    documents, _ = await call.bench.history.page(_query(call))
    origin = f"http://{call.request.get('host') or 'localhost'}"
    octets = await har_of(documents, origin=origin, turns=call.bench.turns)
    return Response(200, octets, (("Content-Type", JSON),))


async def import_har(call: ApiCall) -> Response:
    bench = call.bench
    documents, dropped = await mocks_of(await call.octets(), turns=bench.turns)

    def read(document: Document) -> Mock | None:
        try:
            return bench.mocks.read(document)
        except Problem as problem:
            mock = f"{document['method']} {show(document['path_pattern'])}"
            dropped.append(f"{mock}: {problem.message}")
            return None

    mocks = [mock for mock in await bench.turns.map(read, documents) if mock is not None]
    return success({"imported": await bench.mocks.add_all(mocks), "dropped": dropped}, 201)


def _query(call: ApiCall) -> HistoryQuery:
    call.bench.service.account.settle()  # so that the history has every request that was answered
    given = {name: value for name, value in call.request.query.items() if name != "token"}
    return page_query(given)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/history",
        handler=list_history,
        summary="List the answered requests, a page at a time.",
        query=FILTERS,
        answer=_PAGE,
        statuses=(400,),
    ),
    Operation(
        method="DELETE",
        path="/api/history",
        handler=clear_history,
        summary="Delete the history.",
    ),
    Operation(
        method="GET",
        path="/api/history/har",
        handler=export_har,
        summary="Show a page of the history as HAR 1.2.",
        query=FILTERS,
        statuses=(400,),
    ),
    Operation(
        method="POST",
        path="/api/history/har",
        handler=import_har,
        summary="Create mocks from the exchanges of a HAR document.",
        status=201,
        body=Har,
        answer=_IMPORTED,
        max_content=16 * 1024 * 1024,
    ),
    Operation(
        method="GET",
        path="/api/history/{request_id}",
        handler=get_record,
        summary="Show one answered request.",
        statuses=(404,),
    ),
)
