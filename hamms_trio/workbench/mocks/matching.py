"""The optional matchers of a mock: query, header fields, text and JSON of the content."""

from __future__ import annotations

from hamms_trio.workbench.mocks.model import Mock
from hamms_trio.workbench.mocks.templates import search
from hamms_trio.workbench.routing.received import ReceivedRequest


def matches(mock: Mock, request: ReceivedRequest) -> bool:
    """Return True if every matcher of the mock agrees."""
    return (
        all(value in request.query.get(name, ()) for name, value in mock.query.items())
        and all(
            request.fields.get(name.lower()) == value for name, value in mock.match_headers.items()
        )
        and mock.body_contains.encode() in request.body
        and all(
            is_same(search(expression, request.json), value)
            for expression, value in mock.body_json.items()
        )
    )


def is_same(found: object, wanted: object) -> bool:
    """Return True if two JSON values are equal; ``true`` and 1 are two values."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return found == wanted
