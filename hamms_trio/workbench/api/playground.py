"""/api/playground: the request lab, and the state in one document."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from hamms_trio.http import Response
from hamms_trio.workbench.api.operations import Call, Operation, answered
from hamms_trio.workbench.history.record import combined, written
from hamms_trio.workbench.routing.dispatch import dispatch
from hamms_trio.workbench.routing.documents import Document, convert, show
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.state import export_state

CODE = "invalid_request"
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


async def make_request(call: Call) -> Response:
    asked = convert(await call.document(), LabRequest, CODE, _MESSAGES)
    if not asked.path.startswith("/"):
        raise Problem(400, CODE, f"path must start with /, and path is {show(asked.path)}")
    body = asked.body.encode()
    most = call.bench.settings.mocks.body_octets
    if len(body) > most:
        words = f"request body too large: body has {len(body)} octets, {most} are taken"
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
    return answered({"request": {"method": asked.method, "path": asked.path}, "response": response})


async def show_state(call: Call) -> Response:
    call.bench.service.account.settle()
    return answered(await export_state(call.bench.store, "mocks", "history"))


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
