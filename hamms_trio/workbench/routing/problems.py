"""The refusals of the workbench: a status, a code for programs, and a message for people."""

from __future__ import annotations

from hamms_trio.errors import HammsError
from hamms_trio.wire import Field


class Problem(HammsError):
    """A request that the workbench refuses.

    Args:
        fields: header fields that the refusal needs.
    """

    def __init__(self, status: int, code: str, message: str, *fields: Field) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields


def not_found(thing: str) -> Problem:
    """Build the refusal for a resource that does not exist."""
    return Problem(404, "not_found", f"{thing} not found")
