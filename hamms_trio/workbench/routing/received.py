"""A request in the form that matchers and templates read, from a connection or from the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from urllib.parse import parse_qsl

import msgspec

Pair = tuple[str, str]

# The sender frames the message, and decides about the connection.
SENDERS_FIELDS = frozenset(
    ("content-length", "transfer-encoding", "connection", "expect", "keep-alive")
)
MAX_ANSWER_OCTETS = 8 * 1024 * 1024  # of an answer that is read whole


class ReceivedRequest:
    """A request with its content; query, fields and JSON are parsed on first use.

    Args:
        path: as it was sent, without the query.
        fields: names in any case, in the order in which they were sent.
        parameters: the values of the path pattern's parameters.
    """

    def __init__(
        self,
        method: str,
        path: str,
        query_string: str = "",
        fields: Iterable[Pair] = (),
        body: bytes = b"",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.body = body
        self.parameters = parameters or {}
        self._fields = fields

    @cached_property
    def fields(self) -> dict[str, str]:
        """Values by name in lower case; lines with the same name are combined (RFC 9110 §5.3)."""
        combined: dict[str, str] = {}
        for name, value in self._fields:
            name = name.lower()
            combined[name] = f"{combined[name]}, {value}" if name in combined else value
        return combined

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """Values by name, in the order in which they were sent."""
        values: dict[str, list[str]] = {}
        for name, value in parse_qsl(self.query_string, keep_blank_values=True):
            values.setdefault(name, []).append(value)
        return values

    @cached_property
    def json(self) -> object:
        """The content as JSON; None if it is something else."""
        try:
            value: object = msgspec.json.decode(self.body)
        except (ValueError, RecursionError):
            return None
        return value
