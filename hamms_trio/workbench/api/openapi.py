"""/openapi.json: OpenAPI 3.1, generated from the table of operations and the models."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import msgspec

from hamms_trio.http import Request, Response, json_response
from hamms_trio.http.routes.response import JSON
from hamms_trio.version import VERSION
from hamms_trio.workbench.accounts import required_role
from hamms_trio.workbench.api.operations import Operation
from hamms_trio.workbench.routing.documents import Document

REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_ERROR: Document = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}
_REASONS = {
    400: "A field or a parameter is wrong; the message names it and its value.",
    401: "A token is needed.",
    403: "The role is too low, or a page of another origin sent the request.",
    404: "There is no such resource.",
    409: "The resource collides with another one, or is disabled.",
    413: "The content or the collection is too large.",
    429: "Too many attempts.",
    503: "The store or the server is unavailable at the moment.",
    508: "The request is in a loop.",
}


def openapi_document(
    operations: Iterable[Operation], relayed: Mapping[str, Document] | None = None
) -> Document:
    """Return the OpenAPI document of these operations.

    Args:
        relayed: the descriptions of paths that relay requests to a target.
    """
    paths: dict[str, dict[str, object]] = {path: {**item} for path, item in (relayed or {}).items()}
    models: list[type[msgspec.Struct]] = []
    for operation in operations:
        body = () if operation.body is None else (operation.body,)
        models += [model for model in (*body, *operation.models) if model not in models]
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    _, schemas = msgspec.json.schema_components(
        models, schema_hook=lambda _: {"description": "Any JSON value."}, ref_template=REF
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "hamms-trio workbench", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"bearer": []}],
    }


def openapi_route(
    operations: Iterable[Operation], relayed: Mapping[str, Document]
) -> Callable[[Request], Response]:
    """Return the handler of /openapi.json, which builds its response for the first request."""

    @lru_cache(maxsize=1)
    def response() -> Response:
        return json_response(openapi_document(operations, relayed))

    return lambda _request: response()


def _operation(operation: Operation) -> Document:
    names = _PARAMETER.findall(operation.path)
    role = required_role(operation.method, _PARAMETER.sub("x", operation.path))
    document: Document = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[2]],
        "parameters": [
            *(
                {"name": n, "in": "path", "required": True, "schema": {"type": "string"}}
                for n in names
            ),
            *(
                {"name": q.name, "in": "query", "description": q.description, "schema": q.schema}
                for q in operation.query
            ),
        ],
        "responses": _responses(operation, needs_role=role is not None),
    }
    if role is None:
        document["security"] = []
    else:
        document["description"] = f"Needs the role {role.word}, while accounts are on."
    if operation.body is not None:
        reference = REF.format(name=operation.body.__name__)
        document["requestBody"] = {"content": {JSON: {"schema": {"$ref": reference}}}}
    return document


def _responses(operation: Operation, *, needs_role: bool) -> Document:
    refusals = {503, *operation.statuses}
    if operation.changes:
        refusals |= {400, 403, 413}
    if needs_role:
        refusals |= {401, 403}
    success = {
        "description": "Success.",
        "content": {operation.media_type: {"schema": operation.answer}},
    }
    return {
        str(operation.status): success,
        **{
            str(status): {
                "description": _REASONS[status],
                "content": {JSON: {"schema": {"$ref": REF.format(name="Error")}}},
            }
            for status in sorted(refusals)
        },
    }
