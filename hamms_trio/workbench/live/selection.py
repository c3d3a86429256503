"""The events that a subscriber asked for: by type, and by what they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from hamms_trio.workbench.routing.documents import show
from hamms_trio.workbench.routing.problems import Problem

CONNECTIONS = "connection."  # the prefix of every connection event's type
_ANY = "*"  # as the last character of a topic: every type that begins with the rest


class About(msgspec.Struct, frozen=True, gc=False):
    """The connection that an event concerns, by which subscribers may filter."""

    connection: int = 0
    door: str = ""
    mode: str = ""


ABOUT_NOTHING = About()


class Selection:
    """A filter of events.

    Args:
        topics: types, or beginnings of types followed by an asterisk; none for all.
        about: values that an event's `About` must have, by name.

    Attributes:
        is_all: True if the selection takes every event.
        key: equal for equal selections.
    """

    def __init__(
        self, topics: Iterable[str] = (), about: Mapping[str, str | int] | None = None
    ) -> None:
        self._names = frozenset(topics)
        self._types = frozenset(topic for topic in self._names if not topic.endswith(_ANY))
        self._beginnings = tuple(topic.removesuffix(_ANY) for topic in self._names - self._types)
        self._about = tuple((about or {}).items())
        self.is_all = not self._names and not self._about
        self.key = self._names, self._about

    def takes(self, type: str, about: About) -> bool:
        """Return True if the subscriber asked for such an event."""
        is_named = type in self._types or type.startswith(self._beginnings)
        return (is_named or not self._names) and all(
            getattr(about, name) == value for name, value in self._about
        )

    @property
    def has_connections(self) -> bool:
        """True if the events of connections may be among those asked for."""
        if not self._names or CONNECTIONS.startswith(self._beginnings):
            return True
        return any(topic.startswith(CONNECTIONS) for topic in self._names)


ALL = Selection()


def read_selection(query: Mapping[str, str]) -> Selection:
    """Read the parameters ``topics``, ``mode``, ``door`` and ``connection``.

    Raises:
        Problem: 400 for a connection that is no number.
    """
    about: dict[str, str | int] = {
        name: query[name] for name in ("mode", "door") if query.get(name)
    }
    if number := query.get("connection"):
        if not (number.isascii() and number.isdecimal() and len(number) < 19):
            rule = "connection must be a connection's number"
            raise Problem(400, "invalid_filter", f"{rule}, and is {show(number)}")
        about["connection"] = int(number)
    return Selection(read_topics(query.get("topics")), about)


def read_topics(text: str | None) -> frozenset[str]:
    """Read a list of types, separated by commas."""
    return frozenset(topic.strip() for topic in (text or "").split(",") if topic.strip())
