"""Labels: a failure mode and its arguments in one word, such as ``status--status-503``.

Paths, hosts, tunnels and sequences name modes by labels. A dash stands for each underscore of a parameter's name.
The query of a request does not override an argument of its label, because the query may be meant for somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from hamms_trio.errors import NeedsPort, NoSuchMode, ParameterError, UnknownMode
from hamms_trio.lab.doors import Door, Doors
from hamms_trio.modes import FailureMode
from hamms_trio.modes.arguments import Resolver
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.model.parameters import Value
from hamms_trio.wire import RequestHead

MODE_PREFIX = "/mode/"  # of the paths that name a mode
MODE_PREFIXES = (MODE_PREFIX, "/m/")
MOST_LABEL = 63  # octets (RFC 1035 §2.3.4)
REMEMBERED_LABELS = 1_000
REMEMBERED_LENGTH = 256
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")


class Labels:
    """The doors of one server by label."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._resolvers: dict[tuple[str, str], Resolver] = {}

    def door(self, label: str) -> Door:
        """Return the door of this label, for a whole connection.

        Raises:
            NoSuchMode: no mode that is served has this name.
            ParameterError: an argument can't be used.
        """
        name, dashes, arguments = label.partition("--")
        try:
            known = self._doors.find_served(unquote(name))
        except UnknownMode as error:
            raise NoSuchMode(str(error)) from None
        given = known.mode.checked(read_arguments(known.mode, dashes + arguments))
        all_given = {**known.given, **given}
        return Door(
            known.name, known.mode, all_given, fixed=frozenset(given), exempt=self._doors.exempt
        )

    def selected(self, text: str) -> Resolver:
        """Return the resolver of requests that select their mode as ``slug?name=value&name=value``.

        Raises:
            NoSuchMode, ParameterError: see `door`.
            NeedsPort: its mode does not act on requests.
        """
        known = self._resolvers.get(("?", text))
        if known is None:
            label, _, query = text.partition("?")
            door = self.door(label.strip())
            given = door.mode.checked(dict(parse_qsl(query, keep_blank_values=True)))
            arguments, fixed = {**door.given, **given}, door.fixed | frozenset(given)
            known = self._resolver(Door(door.name, door.mode, arguments, fixed=fixed), "")
            self._remember("?", text, known)
        return known

    def resolver(self, label: str, base: str = "") -> Resolver:
        """Return the resolver of the requests with this label.

        Args:
            base: the part of the path that belongs to the door.

        Raises:
            NoSuchMode, ParameterError: see `door`.
            NeedsPort: its mode does not act on requests.
        """
        known = self._resolvers.get((base, label))
        if known is None:
            known = self._resolver(self.door(label), base)
            self._remember(base, label, known)
        return known

    def by_path(self, request: RequestHead) -> Encounter | None:
        """Return the encounter that the request's path names, or None if it names no mode.

        Raises:
            NoSuchMode, NeedsPort, ParameterError: see `resolver`.
        """
        path = request.path
        for prefix in MODE_PREFIXES:
            if path.startswith(prefix) and len(path) > len(prefix):
                label = path[len(prefix) :].partition("/")[0]
                return self.resolver(label, prefix + label)(request)
        return None

    def find(self, label: str, request: RequestHead) -> Encounter:
        """Return the encounter of a request with the mode of this label (see `modes.encounter.Find`)."""
        return self.resolver(label)(request)

    def _resolver(self, door: Door, base: str) -> Resolver:
        if reason := door.mode.needs_port:
            raise NeedsPort(f"{door.mode.slug} needs a port of its own: {reason}")
        return Resolver(
            door.mode, door.given, fixed=door.fixed, base=base, exempt=self._doors.exempt
        )

    def _remember(self, base: str, label: str, resolver: Resolver) -> None:
        if len(label) <= REMEMBERED_LENGTH:
            if len(self._resolvers) >= REMEMBERED_LABELS:
                self._resolvers.clear()
            self._resolvers[base, label] = resolver


def label_for(mode: FailureMode, arguments: Mapping[str, Value]) -> str:
    """Return the label of a mode with these arguments, such as ``tls-alert--code-40``.

    Raises:
        ParameterError: a value can't stand in the name of a host.
    """
    domains = {each.name: each.domain for each in (*mode.parameters, *mode.modifiers)}
    label = mode.slug
    for name, value in arguments.items():
        label += f"--{name.replace('_', '-')}-{domains[name].to_label(value)}"
    if len(label) > MOST_LABEL or not _LABEL.fullmatch(label):
        rest = f"open({mode.slug!r}, ...) gives a door with these arguments"
        raise ParameterError(f"{label!r} can't be the name of a host: {rest}")
    return label


def read_arguments(mode: FailureMode, text: str) -> dict[str, str]:
    """Return the arguments in a label, such as ``--tries-5--key-ab``.

    A value ends where ``--`` and the name of another parameter follow, so it may have dashes of its own. Each
    domain defines how it writes a dot (see `Domain.to_label`).

    Raises:
        ParameterError: the text does not begin with a parameter of the mode, or with a modifier.
    """
    known = (*mode.parameters, *mode.modifiers)
    names = {parameter.name.replace("_", "-"): parameter for parameter in known}
    either = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    one = re.compile(rf"--({either})-(.*?)(?=--(?:{either})-|$)", re.IGNORECASE)
    given, at = {}, 0
    while at < len(text):
        match = one.match(text, at)
        if match is None:
            own = (parameter.name.replace("_", "-") for parameter in mode.parameters)
            takes = " or ".join(f"--{name}-VALUE" for name in own) or "no arguments but modifiers"
            raise ParameterError(f"{text[at:][:80]!r} is no argument of {mode.slug}: give {takes}")
        parameter = names[match[1].lower()]
        given[parameter.name] = parameter.domain.from_label(unquote(match[2]))
        at = match.end()
    return given
