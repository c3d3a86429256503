"""/api/metrics/trends: requests, errors and latencies by minute."""

from __future__ import annotations

from hamms_trio.http import Response
from hamms_trio.workbench.api.operations import ApiCall, Operation, Query, success


async def show_trends(call: ApiCall) -> Response:
    call.bench.service.account.settle()
    query = call.request.query
    return success(await call.bench.trends.document(query.get("window"), query.get("route")))


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/metrics/trends",
        handler=show_trends,
        summary="Show the requests of a route, minute by minute.",
        query=(
            Query(name="window", description="N, Ns, Nm, Nh or Nd; default: 24h."),
            Query(name="route", description="Method and path; default: __all__."),
        ),
        answer={"type": "object", "required": ["window_seconds", "route", "points", "summary"]},
    ),
)
