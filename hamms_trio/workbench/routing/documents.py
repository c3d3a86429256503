"""JSON that clients send: read strictly, and refused with the field and the value in the message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from hamms_trio.workbench.routing.problems import Problem

M = TypeVar("M", bound=msgspec.Struct)
Document = dict[str, object]

MAX_DEPTH = 64  # of nested arrays and objects
SHOWN_CHARACTERS = 80  # of a value, in a message

# Members that several kinds of documents have. A route for GET answers HEAD, too.
ROUTED_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
SENT_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
IDENTIFIER = re.compile(r"[A-Za-z0-9._~-]{1,128}")
# No field value may have them (RFC 9110 §5.5).
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")

_WHERE = re.compile(r" - at `\$(?P<path>.*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")


def read_object(octets: bytes, *, noun: str = "top-level json") -> Document:
    """Read a JSON object; empty content counts as an empty object.

    Raises:
        Problem: the octets are not UTF-8, not JSON, too deep, or no object.
    """
    value = read_json(octets) if octets else {}
    if not isinstance(value, dict):
        raise Problem(400, "invalid_json", f"{noun} must be an object, not {show(value)}")
    return value


def read_json(octets: bytes) -> object:
    """Read any JSON value.

    Raises:
        Problem: the octets are not UTF-8, not JSON, or too deep.
    """
    try:
        octets.decode()
    except UnicodeDecodeError as error:
        raise Problem(400, "invalid_json", f"body must be utf-8: {error.reason}") from None
    try:
        value: object = msgspec.json.decode(octets)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # msgspec's, or an integer of thousands of digits
        problem = str(error).split(" - at ")[0]
        raise Problem(400, "invalid_json", f"body must be valid json: {problem}") from None
    if depth(value) > MAX_DEPTH:
        raise _too_deep()
    return value


def depth(value: object) -> int:
    """Return the nesting depth of arrays and objects, up to `MAX_DEPTH` + 1."""
    level, count = [value], 0
    while count <= MAX_DEPTH:
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        if not any(isinstance(item, dict | list) for item in level):
            return count
        level, count = inner, count + 1
    return count


def convert(given: object, model: type[M], code: str, messages: Mapping[str, str] = {}) -> M:
    """Build a model from a document, strictly.

    Args:
        code: the code of the refusal.
        messages: the message for a refused field, by its name, such as ``chaos.mode``.

    Raises:
        Problem: a field is unknown, missing, of the wrong type or out of range.
    """
    try:
        return msgspec.convert(given, model)
    except msgspec.ValidationError as error:
        raise Problem(400, code, _explain(str(error), given, model, messages)) from None


def show(value: object) -> str:
    """Return a value as JSON, shortened for a message."""
    text = json.dumps(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def method_pattern(methods: Iterable[str]) -> str:
    """Return the pattern of these methods in any case, for the OpenAPI document."""
    in_any_case = ("".join(f"[{c}{c.lower()}]" for c in method) for method in methods)
    return f"^({'|'.join(in_any_case)})$"


def _too_deep() -> Problem:
    return Problem(
        400, "invalid_json", f"body must be valid json: it nests more than {MAX_DEPTH} levels deep"
    )


def _explain(
    problem: str, given: object, model: type[msgspec.Struct], messages: Mapping[str, str]
) -> str:
    where = _WHERE.search(problem)
    path = where["path"] if where else ""
    problem = problem[: where.start()] if where else problem
    name = path.lstrip(".")
    if unknown := _UNKNOWN.fullmatch(problem):
        inside = f" in {name}" if name else f"; known are {', '.join(sorted(_names(model)))}"
        return f"unknown field {show(unknown['name'])}{inside}"
    if missing := _MISSING.fullmatch(problem):
        field = f"{name}.{missing['name']}" if name else missing["name"]
        return messages.get(missing["name"], f"{field} is required")
    words = _words_for(name, messages)
    value = show(_value_at(given, path))
    if words:
        return f"{words}, and {name} is {value}"
    problem = problem[:1].lower() + problem[1:].replace("`", "")
    return f"{name or 'the document'}: {problem} ({value})"


def _words_for(path: str, messages: Mapping[str, str]) -> str | None:
    """Return the words for the innermost field of a path that has some."""
    while path and path not in messages:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return messages.get(path)


def _names(model: type[msgspec.Struct]) -> tuple[str, ...]:
    return model.__struct_fields__


def _value_at(given: object, path: str) -> object:
    """Return the value that msgspec's path leads to, as far as the path can be followed."""
    for name, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", path):
        if name and isinstance(given, dict) and name in given:
            given = given[name]
        elif index.isdigit() and isinstance(given, list):
            given = given[int(index)]
        else:
            return given
    return given
