"""/api/mocks: list, create, show, change and delete mocks."""

from __future__ import annotations

from hamms_trio.http import Response
from hamms_trio.workbench.api.operations import ApiCall, Operation, success
from hamms_trio.workbench.mocks import Mock

_MOCK = {
    "type": "object",
    "required": ["mock"],
    "properties": {"mock": {"$ref": "#/components/schemas/Mock"}},
}
_MOCKS = {
    "type": "object",
    "required": ["mocks"],
    "properties": {"mocks": {"type": "array", "items": {"$ref": "#/components/schemas/Mock"}}},
}
DELETED = {
    "type": "object",
    "required": ["deleted", "id"],
    "properties": {"deleted": {"const": True}, "id": {"type": "string"}},
}


async def list_mocks(call: ApiCall) -> Response:
    return success({"mocks": call.bench.mocks.documents()})


async def create_mock(call: ApiCall) -> Response:
    created = await call.bench.mocks.create(await call.document())
    call.notes |= {"playground_action": "mock_create", "mock_id": created["id"]}
    return success({"mock": created}, 201)


async def get_mock(call: ApiCall) -> Response:
    return success({"mock": call.bench.mocks.get(call.parameter("id"))})


async def update_mock(call: ApiCall) -> Response:
    bench, id = call.bench, call.parameter("id")
    changed = await bench.mocks.update(id, await call.document())
    await bench.answers.start_afresh(id)
    call.notes |= {"playground_action": "mock_update", "mock_id": id}
    return success({"mock": changed})


async def delete_mock(call: ApiCall) -> Response:
    bench, id = call.bench, call.parameter("id")
    await bench.mocks.delete(id)
    await bench.answers.start_afresh(id)
    call.notes |= {"playground_action": "mock_delete", "mock_id": id}
    return success({"deleted": True, "id": id})


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/mocks",
        handler=list_mocks,
        summary="List the mocks in the order of creation.",
        answer=_MOCKS,
    ),
    Operation(
        method="POST",
        path="/api/mocks",
        handler=create_mock,
        summary="Create a mock.",
        status=201,
        body=Mock,
        answer=_MOCK,
        statuses=(409,),
    ),
    Operation(
        method="GET",
        path="/api/mocks/{id}",
        handler=get_mock,
        summary="Show a mock.",
        answer=_MOCK,
        statuses=(404,),
    ),
    Operation(
        method="PUT",
        path="/api/mocks/{id}",
        handler=update_mock,
        summary="Change members of a mock; its sequence restarts.",
        body=Mock,
        answer=_MOCK,
        statuses=(404, 409),
    ),
    Operation(
        method="DELETE",
        path="/api/mocks/{id}",
        handler=delete_mock,
        summary="Delete a mock.",
        answer=DELETED,
        statuses=(404,),
    ),
)
