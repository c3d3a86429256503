"""The OpenAPI description of the control API, made from its table of resources and its structs."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import getdoc
from typing import Any

import msgspec

from hamms_trio.control import documents
from hamms_trio.control.resource import ApiResource
from hamms_trio.lab.shared.control import API_PREFIX
from hamms_trio.version import VERSION

_REFERENCES = "#/components/schemas/{name}"


def describe_api(resources: Iterable[ApiResource[Any]]) -> dict[str, object]:
    """Return the description of these resources in OpenAPI 3.1."""
    resources = list(resources)
    types = {t for each in resources for t in (each.gives, each.takes) if t is not None}
    types.add(documents.ProblemDocument)
    ordered = sorted(types, key=lambda each: each.__name__)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=_REFERENCES)
    by_type = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, object]] = {}
    for each in resources:
        operation = _operation(each, by_type)
        paths.setdefault(API_PREFIX + each.path, {})[each.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "hamms-trio", "version": VERSION},
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(resource: ApiResource[Any], schemas: dict[type, Any]) -> dict[str, object]:
    answered: dict[str, object] = {"description": resource.status.phrase}
    if resource.gives is not None:
        answered["content"] = {"application/json": {"schema": schemas[resource.gives]}}
    problem = {"schema": schemas[documents.ProblemDocument]}
    operation: dict[str, object] = {
        "summary": (getdoc(resource.act) or "").partition("\n")[0],
        "responses": {
            str(int(resource.status)): answered,
            "default": {
                "description": "The call is refused.",
                "content": {"application/problem+json": problem},
            },
        },
    }
    if (name := resource.parameter) is not None:
        schema = {"type": "string"}
        operation["parameters"] = [{"name": name, "in": "path", "required": True, "schema": schema}]
    if resource.takes is not None:
        content = {"application/json": {"schema": schemas[resource.takes]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation
