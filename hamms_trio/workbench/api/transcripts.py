"""/api/transcripts: all that crosses the wire when a client meets a failure mode, played in virtual time."""

from __future__ import annotations

from hamms_trio.http import Response
from hamms_trio.http.routes.response import JSON
from hamms_trio.workbench.api.operations import ApiCall, Operation


async def show_transcript(call: ApiCall) -> Response:
    transcript = await call.bench.failures.transcript(call.parameter("label"))
    return Response(200, transcript, (("Content-Type", JSON), ("Cache-Control", "no-cache")))


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/transcripts/{label}",
        handler=show_transcript,
        summary="Show what crosses the wire when a client meets a failure mode, as in /mode/LABEL/.",
        answer={"type": "object", "required": ["slug", "door", "arguments", "moments"]},
        statuses=(400, 404),
    ),
)
