"""Templates: ``{{path.id}}``, ``{{query.name}}``, ``{{header.name}}`` and ``{{body.user.name}}`` in answers.

The words after ``body.`` are JMESPath, evaluated on the request's JSON; ``{{body}}`` is the whole content. Other
text in double braces stays as it is, so that a mock can serve templates of another kind.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from hamms_trio.workbench.routing.documents import CONTROL_CHARACTERS, SHOWN_CHARACTERS
from hamms_trio.workbench.routing.received import ReceivedRequest

MAX_EXPRESSION = 512  # characters
MAX_GROWTH = 10_000

_PLACE = re.compile(
    r"\{\{\s*(?:(?P<source>path|query|header|body)\.(?P<name>[^{}]{1,512}?)|(?P<all>body))\s*\}\}"
)


def has_places(text: str) -> bool:
    """Return True if the text depends on the request."""
    return _PLACE.search(text) is not None


def check(text: str) -> None:
    """Refuse a template that can't be filled.

    Raises:
        ValueError: an expression after ``body.`` is not JMESPath.
    """
    for place in _PLACE.finditer(text):
        if place["source"] == "body":
            check_expression(place["name"])


def check_expression(expression: str) -> None:
    """Refuse text that is not JMESPath, and an expression whose evaluation could take for ever.

    Raises:
        ValueError: with the reason.
    """
    import jmespath  # only mocks that read JSON need it
    from jmespath.exceptions import JMESPathError

    shown = repr(
        expression if len(expression) <= SHOWN_CHARACTERS else f"{expression[:SHOWN_CHARACTERS]}..."
    )
    if len(expression) > MAX_EXPRESSION:
        raise ValueError(f"{shown} has more than {MAX_EXPRESSION} characters")
    try:
        parsed = jmespath.compile(expression).parsed
        growth = _growth(parsed)
    except RecursionError:
        raise ValueError(f"{shown} nests too deep") from None
    except JMESPathError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{shown} is not an expression of JMESPath: {reason}") from None
    if growth > MAX_GROWTH:
        raise ValueError(f"{shown} repeats a value more than {MAX_GROWTH} times")


def _growth(node: Any) -> int:
    """Return how many copies of a value a result can have; each ``[@, @][]`` doubles the number."""
    growth = len(node["children"]) if node["type"].startswith("multi_select") else 1
    for child in node["children"]:
        if growth > MAX_GROWTH:
            return growth
        if isinstance(child, dict):
            growth *= _growth(child)
    return growth


def search(expression: str, value: object) -> object:
    """Evaluate an expression on a JSON value; return None if it does not apply."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        found: object = jmespath.search(expression, value)
    except (JMESPathError, TypeError, ValueError, RecursionError):
        return None
    return found


def fill_body(text: str, request: ReceivedRequest, *, is_json: bool) -> str:
    """Fill a body. In JSON, text is escaped as the inside of a string."""
    return _PLACE.sub(lambda place: _written(_value(place, request), is_json=is_json), text)


def fill_field(text: str, request: ReceivedRequest) -> str:
    """Fill the value of a header field; control characters can't get in."""
    filled = fill_body(text, request, is_json=False)
    return CONTROL_CHARACTERS.sub(" ", filled).strip()


def _value(place: re.Match[str], request: ReceivedRequest) -> object:
    source, name = place["source"], (place["name"] or "").strip()
    if source == "path":
        return unquote(request.parameters.get(name, ""))
    if source == "query":
        return request.query.get(name, [""])[0]
    if source == "header":
        return request.fields.get(name.lower(), "")
    if source == "body":
        return search(name, request.json)
    return request.body.decode(errors="replace")


def _written(value: object, *, is_json: bool) -> str:
    if isinstance(value, str):
        return json.dumps(value)[1:-1] if is_json else value
    return "" if value is None and not is_json else json.dumps(value)
