"""/api/proxy/request: one request to a target, and the whole answer as a document."""

from __future__ import annotations

from hamms_trio.http import Response, error
from hamms_trio.http.routes.response import JSON
from hamms_trio.workbench.api.operations import ApiCall, Operation, success
from hamms_trio.workbench.bench import Bench
from hamms_trio.workbench.history.record import combined, written
from hamms_trio.workbench.routing.dispatch import MAX_HOPS, enter, hops
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.targets import TargetAnswer, TargetFailed
from hamms_trio.workbench.targets.calls import ProxyRequest, outgoing_of, read_call

# The share of a route's time to answer that a target gets, so that the target times out before the route does.
SHARE_OF_TIME = 0.9
TOO_DEEP = error(
    508, "loop_detected", f"the request has passed through this workbench {MAX_HOPS} times"
)


async def proxy_request(call: ApiCall) -> Response:
    bench, request, calls = call.bench, call.request, call.bench.calls
    asked = read_call(await call.document("top-level"))
    target = bench.targets.usable(asked.target_id)
    enter(calls.hops.count(request.head.octets))
    if hops() >= MAX_HOPS:
        return TOO_DEEP
    outgoing = outgoing_of(asked, target, calls.hops.field(hops() + 1))
    seconds = seconds_for(bench, asked.timeout_ms or target.timeout_ms)
    try:
        answer = await calls.call(target, outgoing, seconds=seconds)
    except TargetFailed as problem:
        answer = failed_answer(problem)
    trace_id = request.id.decode()
    calls.note(target, asked.method, asked.path, answer.status, trace_id)
    return success(
        {
            "request": {"target_id": target.id, "method": asked.method, "path": asked.path},
            "response": _document(answer),
            "trace_id": trace_id,
        }
    )


def seconds_for(bench: Bench, timeout_ms: float) -> float:
    """Return the timeout of a target in seconds, which is shorter than the route's own."""
    return min(timeout_ms / 1000, SHARE_OF_TIME * bench.service.limits.answer_seconds)


def failed_answer(problem: TargetFailed) -> TargetAnswer:
    """Return the answer that reports the failure of a target."""
    return TargetAnswer(problem.status, (("Content-Type", JSON),), problem.document())


def _document(answer: TargetAnswer) -> Document:
    """Return the answer as a document; ``fields`` has every field line, ``headers`` one value for each name."""
    named = dict(answer.fields)
    together = combined(answer.fields)
    return {
        "status": answer.status,
        "headers": named if len(together) == len(answer.fields) else together,
        "fields": [list(pair) for pair in answer.fields],
        **written(answer.body),
    }


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/proxy/request",
        handler=proxy_request,
        summary="Make a request to a target, and show its answer.",
        body=ProxyRequest,
        answer={"type": "object", "required": ["request", "response", "trace_id"]},
        statuses=(404, 409, 508),
    ),
)
