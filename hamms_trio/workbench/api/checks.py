"""/api/checks: checks of the clients that have an adapter."""

from __future__ import annotations

import msgspec

from hamms_trio.http import Response
from hamms_trio.workbench.api.operations import ApiCall, Operation, success

_CHECK = {"type": "object", "required": ["check"]}


class CheckOrder(msgspec.Struct):
    """The document that starts a check: the name of a client's adapter, and the suites to run."""

    client: str
    suites: list[str] = msgspec.field(default_factory=lambda: ["core"])
    seed: int = 0


async def list_clients(call: ApiCall) -> Response:
    return success({"clients": await call.bench.checks.clients()})


async def list_checks(call: ApiCall) -> Response:
    return success({"checks": call.bench.checks.documents()})


async def start_check(call: ApiCall) -> Response:
    run = await call.bench.checks.start(await call.document())
    return success({"check": run.document()}, 202)


async def get_check(call: ApiCall) -> Response:
    run = call.bench.checks.get(call.parameter("id"))
    return success({"check": run.document(), "report": run.report})


async def stop_check(call: ApiCall) -> Response:
    run = call.bench.checks.stop(call.parameter("id"))
    return success({"check": run.document()})


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/checks/clients",
        handler=list_clients,
        summary="List the installed clients that have an adapter.",
        answer={"type": "object", "required": ["clients"]},
    ),
    Operation(
        method="GET",
        path="/api/checks",
        handler=list_checks,
        summary="List the checks, the newest first.",
        answer={"type": "object", "required": ["checks"]},
    ),
    Operation(
        method="POST",
        path="/api/checks",
        handler=start_check,
        summary="Start a check of one client; events report its progress.",
        status=202,
        body=CheckOrder,
        answer=_CHECK,
        statuses=(409,),
    ),
    Operation(
        method="GET",
        path="/api/checks/{id}",
        handler=get_check,
        summary="Show a check, with its report once it is over.",
        answer={"type": "object", "required": ["check", "report"]},
        statuses=(404,),
    ),
    Operation(
        method="DELETE",
        path="/api/checks/{id}",
        handler=stop_check,
        summary="Stop a check.",
        answer=_CHECK,
        statuses=(404,),
    ),
)
