"""The JSON Schema of the report, from its structs."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import msgspec

from hamms_trio.check import report
from hamms_trio.check.report import CheckReport
from hamms_trio.check.verdicts import FINDINGS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTE = re.compile(r"^    (\w+): (.+?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)


def report_schema() -> str:
    """Return the schema as a JSON text, with the meaning of each member."""
    schema = msgspec.json.schema(CheckReport)
    for name, definition in schema["$defs"].items():
        _describe(definition, inspect.getdoc(getattr(report, name)) or "")
    schema["$defs"]["ModeReport"]["properties"]["class"]["enum"] = list(FINDINGS)
    document = {"$schema": DIALECT, "title": "The report of hamms-trio check", **schema}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _describe(definition: dict[str, Any], documentation: str) -> None:
    """Move what the docstring says of a member to that member."""
    about, _, attributes = documentation.partition("\n\nAttributes:\n")
    definition["description"] = " ".join(about.split())
    for name, meaning in _ATTRIBUTE.findall(attributes):
        member = definition["properties"].get(name.rstrip("_"))
        if member is not None:
            member["description"] = " ".join(meaning.split())
