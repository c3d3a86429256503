"""The path door: every failure mode that acts on requests, on one port, by the beginning of the path.

``/mode/SLUG/ANYTHING?parameter=...``, or with arguments in the segment, for clients that rebuild the query:
``/mode/SLUG--NAME-VALUE--NAME-VALUE/ANYTHING``, a dash standing for each underscore of a name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Coroutine
from typing import Any
from urllib.parse import unquote

from hamms_trio.errors import NeedsPort, NoSuchMode, ParameterError, UnknownMode
from hamms_trio.lab.doors import Door, Doors
from hamms_trio.modes import FailureMode
from hamms_trio.modes.arguments import Resolver
from hamms_trio.modes.drivers import HTTP1
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.peer import Peer
from hamms_trio.net.port_kind import OPEN
from hamms_trio.wire import RequestHead, best_match

NAME = "path"
OFFSET = 99
PREFIX = "/mode/"
_REMEMBERED_SEGMENTS = 1_000
_REMEMBERED_LENGTH = 256


class PathDoor:
    """Lets each request choose its failure mode."""

    name = NAME
    slug = ""
    offset = OFFSET
    listens = True
    port_kind = OPEN
    summary = f"Every mode that acts on requests, at {PREFIX}SLUG/ANYTHING."

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._by_segment: dict[str, Resolver] = {}
        listing = Encounter(NAME, self._list_modes, {}, decides=True)
        self._listings = dict.fromkeys(("/", "", PREFIX, PREFIX[:-1]), listing)

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Play with one client, for as long as it stays."""
        return HTTP1.drive(peer, self._choose)

    def _choose(self, request: RequestHead | None) -> Encounter:
        """The encounter that the request's path names.

        Raises:
            NoSuchMode: it names none.
            NeedsPort: its mode does not act on requests.
            ParameterError: an argument can't be used.
        """
        assert request is not None  # http1 asks about requests
        path = request.path
        if not path.startswith(PREFIX) or path == PREFIX:
            if path in self._listings:
                return self._listings[path]
            raise NoSuchMode(f"{path[:80]} is nothing here: the modes are at {PREFIX}SLUG/")
        segment = path[len(PREFIX) :].partition("/")[0]
        resolver = self._by_segment.get(segment)
        if resolver is None:
            resolver = self._read(segment)
            if len(segment) <= _REMEMBERED_LENGTH:
                if len(self._by_segment) >= _REMEMBERED_SEGMENTS:
                    self._by_segment.clear()
                self._by_segment[segment] = resolver
        return resolver(request)

    def _read(self, segment: str) -> Resolver:
        name, dashes, arguments = segment.partition("--")
        door = self._find(unquote(name))
        if reason := door.mode.needs_port:
            raise NeedsPort(f"{door.mode.slug} needs a port of its own: {reason}")
        given = door.mode.checked(read_arguments(door.mode, dashes + arguments))
        exempt = self._doors.exempt
        return Resolver(door.mode, {**door.given, **given}, base=PREFIX + segment, exempt=exempt)

    def _find(self, name: str) -> Door:
        try:
            return self._doors.find_served(name)
        except UnknownMode as error:
            raise NoSuchMode(str(error)) from None

    async def _list_modes(self, peer: Peer, request: RequestHead) -> None:
        """Answer with the modes that this door reaches, and why it does not reach the others."""
        media_type = best_match(request.get("accept"), _LISTINGS) or "text/html"
        body = _LISTINGS[media_type](list(self._doors.served.values())).encode()
        await peer.http.respond(request, 200, ("Content-Type", media_type), body=body)


def read_arguments(mode: FailureMode, text: str) -> dict[str, str]:
    """The arguments in a path's segment, such as ``--tries-5--key-ab``.

    A value ends where ``--`` and the name of another parameter or modifier follow, so it may have dashes.

    Raises:
        ParameterError: it does not begin with the name of a parameter of the mode, or of a modifier.
    """
    taken = (*mode.parameters, *mode.modifiers)
    names = {parameter.name.replace("_", "-"): parameter.name for parameter in taken}
    either = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    one = re.compile(rf"--({either})-(.*?)(?=--(?:{either})-|$)") if names else re.compile(r"(?!)")
    given, at = {}, 0
    while at < len(text):
        match = one.match(text, at)
        if match is None:
            own = (parameter.name.replace("_", "-") for parameter in mode.parameters)
            takes = " or ".join(f"--{name}-VALUE" for name in own) or "no arguments"
            raise ParameterError(f"{text[at:][:80]!r} is no argument of {mode.slug}: give {takes}")
        given[names[match[1]]] = unquote(match[2])
        at = match.end()
    return given


def _as_json(modes: list[FailureMode]) -> str:
    listed = [
        {
            "slug": mode.slug,
            "summary": mode.summary,
            "path": None if mode.needs_port else f"{PREFIX}{mode.slug}/",
            "needs_port": mode.needs_port,
            "parameters": {p.name: p.takes for p in mode.parameters},
        }
        for mode in modes
    ]
    return json.dumps({"modes": listed}, ensure_ascii=False, indent=2) + "\n"


def _as_html(modes: list[FailureMode]) -> str:
    from html import escape  # only now, because serving needs nothing of it

    rows = "".join(f"<tr><td>{_link(m)}<td>{escape(m.summary)}\n" for m in modes)
    return (
        '<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>Failure modes</title>\n'
        f"<h1>Failure modes</h1>\n<table>\n{rows}</table>\n</html>\n"
    )


def _link(mode: FailureMode) -> str:
    if mode.needs_port:
        return f"{mode.slug} (needs a port of its own)"
    return f'<a href="{PREFIX}{mode.slug}/">{mode.slug}</a>'


_LISTINGS = {"text/html": _as_html, "application/json": _as_json}
