"""Several fields of one request at once."""

from __future__ import annotations

from collections.abc import Container

from hamms_trio.wire.request import RequestHead


def combined_fields(request: RequestHead, names: Container[str]) -> dict[str, str]:
    """The fields that have one of these names (in lower case), repeated ones combined (RFC 9110 §5.3)."""
    found: dict[str, str] = {}
    for name, value in request.fields:
        name = name.lower()
        if name in names:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found
