"""Scenarios as users write them: some members may be null, or have a shorter form."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hamms_trio.workbench.scenarios.document.model import (
    Chaos,
    Defaults,
    ExpectBase,
    Retry,
    ScenarioBase,
    StepBase,
)

ExpectedStatus = Annotated[int, Meta(ge=100, le=599)]
_STEPS = {
    "minItems": 1,
    "items": {
        "anyOf": [
            {"$ref": "#/components/schemas/StepDraft"},
            {"$ref": "#/components/schemas/GroupDraft"},
        ]
    },
}


class ExpectDraft(ExpectBase, kw_only=True):
    """The assertions about an answer."""

    status: ExpectedStatus | Annotated[list[ExpectedStatus], Meta(min_length=1)] = 200


class StepDraft(StepBase, kw_only=True):
    """One request and the assertions about its answer.

    Attributes:
        body: a text, or any other JSON value, which is sent as JSON.
    """

    headers: dict[str, str] | None = None
    body: Any = None
    chaos: Chaos | None = None
    expect: ExpectDraft | None = None
    retry: Retry | None = None


class GroupDraft(msgspec.Struct):
    """Steps that run at the same time."""

    parallel: Annotated[list[StepDraft], Meta(min_length=1)]


class ScenarioDraft(ScenarioBase, kw_only=True):
    """A journey of several steps."""

    defaults: Defaults | None = None
    steps: Annotated[list[Any], Meta(extra_json_schema=_STEPS)]
