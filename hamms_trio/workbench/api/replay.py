"""/api/replay: repeat a recorded request with the caller's own token."""

from __future__ import annotations

from typing import cast

from hamms_trio.http import Response
from hamms_trio.workbench.api.operations import ApiCall, Operation, success
from hamms_trio.workbench.bench import REPLAYS
from hamms_trio.workbench.history.record import combined, content_of, written
from hamms_trio.workbench.live.redact import REDACTED
from hamms_trio.workbench.routing.dispatch import InnerAnswer, dispatch
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.received import Pair

PREVIEW_CHARACTERS = 65_536


async def replay(call: ApiCall) -> Response:
    bench, request_id = call.bench, call.parameter("request_id")
    await call.document()  # has no members yet, but must be an object
    bench.service.account.settle()
    record = await bench.history.get(request_id)
    asked = cast(Document, record["replay_input"])
    if not asked:
        raise Problem(400, "not_replayable", "request has no replay input")
    fields = own_rights(cast("dict[str, str]", asked["headers"]), call)
    target = str(asked["raw_target"])
    answer = await dispatch(bench.service, str(asked["method"]), target, fields, content_of(asked))
    await bench.store.count(REPLAYS)
    call.notes |= {"playground_action": "replay", "replayed_request_id": request_id}
    document: Document = {
        "replayed_request_id": request_id,
        "result": result_of(answer),
        "original": {"status": record["status"], **cast(Document, record.get("response", {}))},
    }
    if asked.get("redacted"):
        document["redacted"] = True
    return success(document)


def own_rights(headers: dict[str, str], call: ApiCall) -> list[Pair]:
    """Return the recorded fields without their credentials, and with the caller's token."""
    fields = [(name, value) for name, value in headers.items() if value != REDACTED]
    if call.token and not any(name.lower() == "authorization" for name, _ in fields):
        fields.append(("authorization", f"Bearer {call.token}"))
    return fields


def result_of(answer: InnerAnswer) -> Document:
    """Return the answer of the replay; ``body_preview`` is the reference's name for the body."""
    content = written(answer.body)
    document: Document = {
        "status": answer.status,
        "headers": combined(answer.fields),
        "body_preview": str(content["body"])[:PREVIEW_CHARACTERS],
        **content,
    }
    if answer.truncated:
        document["truncated"] = True
    return document


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/replay/{request_id}",
        handler=replay,
        summary="Repeat a recorded request; show the result beside the original.",
        statuses=(404,),
    ),
)
