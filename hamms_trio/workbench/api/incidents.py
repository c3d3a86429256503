"""/api/incidents: show, start and stop the incident."""

from __future__ import annotations

from hamms_trio.http import Response
from hamms_trio.workbench.api.operations import ApiCall, Operation, success
from hamms_trio.workbench.incidents import IncidentRequest

_STATE = {
    "type": "object",
    "required": [
        "active", "affected_requests", "latency_ms", "mode", "probability", "seed", "started_at",
    ],
}  # fmt: skip
_ANSWER = {"type": "object", "required": ["incident"], "properties": {"incident": _STATE}}


async def show_incident(call: ApiCall) -> Response:
    return success({"incident": call.bench.incidents.state()})


async def start_incident(call: ApiCall) -> Response:
    started = call.bench.incidents.start(await call.document("top-level"))
    return success({"incident": started.document(), "status": "started"})


async def stop_incident(call: ApiCall) -> Response:
    await call.document("top-level")  # has no members yet, but must be an object
    return success({"incident": call.bench.incidents.stop(), "status": "stopped"})


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/incidents/state",
        handler=show_incident,
        summary="Show the running incident, or the last one.",
        answer=_ANSWER,
    ),
    Operation(
        method="POST",
        path="/api/incidents/start",
        handler=start_incident,
        summary="Start an incident; it replaces a running one.",
        body=IncidentRequest,
        answer=_ANSWER,
    ),
    Operation(
        method="POST",
        path="/api/incidents/stop",
        handler=stop_incident,
        summary="End the incident.",
        answer=_ANSWER,
    ),
)
