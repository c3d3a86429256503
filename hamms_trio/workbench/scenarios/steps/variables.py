"""Variables: ``{{name}}`` in paths, header values, bodies and expected values.

Only simple names are variables. ``{{path.id}}`` and ``{{body}}`` belong to the templates of mocks, and a scenario
may send them to the workbench to define a mock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote

from hamms_trio.workbench.routing.documents import CONTROL_CHARACTERS

# Characters of a filled text; also the largest body that the workbench takes.
MAX_FILLED = 512 * 1024
RESERVED_VARIABLES = frozenset(("body",))

_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}")

Values = Mapping[str, object]
_Insert = Callable[[re.Match[str], object], str]


class VariableMissing(Exception):
    """A variable has no value yet.

    Attributes:
        name: the variable's.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"variable {name} has no value: no step before this one has extracted it")
        self.name = name


class TextTooLong(Exception):
    """A text has grown beyond `MAX_FILLED` characters."""


def names_in(texts: Iterable[object]) -> Iterator[str]:
    """Yield the names of variables in texts, and in the texts within other JSON values."""
    for text in texts:
        if isinstance(text, str):
            yield from (name for name in _PLACE.findall(text) if name not in RESERVED_VARIABLES)
        elif isinstance(text, dict):
            yield from names_in(text.values())
        elif isinstance(text, list):
            yield from names_in(text)


def fill_path(path: str, values: Values | None) -> str:
    """Fill a path. Values are percent-encoded, except one with which the path begins.

    Raises:
        VariableMissing, TooLong
    """

    def encoded(place: re.Match[str], value: object) -> str:
        text = _written(value)
        return text if place.start() == 0 else quote(text, safe="")

    return _fill(path, values, encoded)


def fill_field(value: str, values: Values | None) -> str:
    """Fill the value of a header field; control characters can't get in.

    Raises:
        VariableMissing, TooLong
    """
    return _fill(value, values, lambda _place, inner: CONTROL_CHARACTERS.sub(" ", _written(inner)))


def fill_body(body: str, values: Values | None) -> str:
    """Fill a body. In JSON, text within a string is escaped.

    Raises:
        VariableMissing, TooLong
    """
    is_json = body.lstrip()[:1] in ("{", "[")

    def escaped(_place: re.Match[str], value: object) -> str:
        is_string = is_json and isinstance(value, str)
        return json.dumps(value)[1:-1] if is_string else _written(value)

    return _fill(body, values, escaped)


def fill_text(text: str, values: Values | None) -> str:
    """Fill a text of an assertion.

    Raises:
        VariableMissing, TooLong
    """
    return _fill(text, values, lambda _place, value: _written(value))


def fill_value(value: object, values: Values | None) -> object:
    """Fill the texts in a JSON value; a text that is a single variable becomes the variable's own value.

    Raises:
        VariableMissing, TooLong
    """
    if isinstance(value, str):
        place = _PLACE.fullmatch(value)
        if place and place[1] not in RESERVED_VARIABLES and values is not None:
            return _value(place[1], values)
        return fill_text(value, values)
    if isinstance(value, dict):
        return {name: fill_value(inner, values) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill_value(inner, values) for inner in value]
    return value


def _fill(text: str, values: Values | None, insert: _Insert) -> str:
    if values is None or "{{" not in text:
        return text
    length = len(text)

    def fill(place: re.Match[str]) -> str:
        nonlocal length
        if place[1] in RESERVED_VARIABLES:
            return place[0]
        value = _value(place[1], values)
        inserted = insert(place, value)
        length += len(inserted)
        if length > MAX_FILLED:
            raise TextTooLong(f"a text has more than {MAX_FILLED} characters with its variables")
        return inserted

    return _PLACE.sub(fill, text)


def _value(name: str, values: Values) -> object:
    if name not in values:
        raise VariableMissing(name)
    return values[name]


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
