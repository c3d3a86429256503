"""/api/targets: list, create, show, change and delete targets."""

from __future__ import annotations

from hamms_trio.http import Response
from hamms_trio.workbench.api.mocks import DELETED
from hamms_trio.workbench.api.operations import ApiCall, Operation, success
from hamms_trio.workbench.targets import Target

_TARGET = {
    "type": "object",
    "required": ["target"],
    "properties": {"target": {"$ref": "#/components/schemas/Target"}},
}
_TARGETS = {
    "type": "object",
    "required": ["targets"],
    "properties": {"targets": {"type": "array", "items": {"$ref": "#/components/schemas/Target"}}},
}


async def list_targets(call: ApiCall) -> Response:
    return success({"targets": call.bench.targets.documents()})


async def create_target(call: ApiCall) -> Response:
    created = await call.bench.targets.create(await call.document("top-level"))
    return success({"target": created}, 201)


async def get_target(call: ApiCall) -> Response:
    return success({"target": call.bench.targets.get(call.parameter("id"))})


async def update_target(call: ApiCall) -> Response:
    given = await call.document("top-level")
    return success({"target": await call.bench.targets.update(call.parameter("id"), given)})


async def delete_target(call: ApiCall) -> Response:
    id = call.parameter("id")
    await call.bench.targets.delete(id)
    return success({"deleted": True, "id": id})


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/targets",
        handler=list_targets,
        summary="List the targets in the order of creation.",
        answer=_TARGETS,
    ),
    Operation(
        method="POST",
        path="/api/targets",
        handler=create_target,
        summary="Create a target.",
        status=201,
        body=Target,
        answer=_TARGET,
        statuses=(409,),
    ),
    Operation(
        method="GET",
        path="/api/targets/{id}",
        handler=get_target,
        summary="Show a target.",
        answer=_TARGET,
        statuses=(404,),
    ),
    Operation(
        method="PUT",
        path="/api/targets/{id}",
        handler=update_target,
        summary="Change members of a target.",
        body=Target,
        answer=_TARGET,
        statuses=(404, 409),
    ),
    Operation(
        method="DELETE",
        path="/api/targets/{id}",
        handler=delete_target,
        summary="Delete a target.",
        answer=DELETED,
        statuses=(404,),
    ),
)
