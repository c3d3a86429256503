"""Transcripts as documents, for programs that draw them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec import Struct

from hamms_trio.errors import MalformedResponse
from hamms_trio.lab.script.player import GIVES_UP, TO_SERVER, Line, script
from hamms_trio.lab.script.requests import requests_to
from hamms_trio.lab.shared.labels import Labels
from hamms_trio.net.observer import Ending
from hamms_trio.wire.http1.response_reader import ResponseReader

SHOWN_OCTETS = 1200  # of one write
MOST_MOMENTS = 60  # writes in a row that have a moment each
FIRST_MOMENTS = 24  # first writes of a longer run that have a moment each
MOST_DOCUMENT_OCTETS = 2 * 1024 * 1024  # that the client reads before it gives up


class Moment(Struct, frozen=True, omit_defaults=True):
    """One thing on the wire: octets, or an event such as FIN.

    Attributes:
        at: virtual seconds since the client connected.
        by: the side that did it, ``client`` or ``server``.
        text: the first octets, each as the character of its number.
        writes: the number of writes that this one stands for, up to the time ``until``.
    """

    at: float
    by: str
    event: str = ""
    octets: int = 0
    text: str = ""
    writes: int = 1
    until: float = 0.0


class Transcript(Struct, frozen=True):
    """A failure mode, its arguments, and everything on the wire when a client meets the mode."""

    slug: str
    door: str
    arguments: dict[str, int | float | str | bool | None]
    moments: list[Moment]


def transcript_of(labels: Labels, label: str) -> Transcript:
    """Play the failure mode of a label against the requests that show its fault.

    Raises:
        NoSuchMode: no mode that is served has this name.
        ParameterError: an argument can't be used.
    """
    door = labels.door(label)
    lines = script(door, requests_to(door), most_octets=MOST_DOCUMENT_OCTETS)
    if not door.mode.speaks_tls:  # whose lines are records, and whose client closes by itself
        lines = _closed_when_answered(lines)
    return Transcript(door.slug, door.name, dict(door.given), list(_moments(lines)))


def _closed_when_answered(lines: list[Line]) -> list[Line]:
    """Let a client close when the last write completes its last answer, instead of waiting for nothing."""
    *wire, end = lines
    asked = [number for number, (_, to, _) in enumerate(wire) if to == TO_SERVER]
    if end[2] != GIVES_UP or not asked:
        return lines
    answer = wire[asked[-1] + 1 :]
    reader = ResponseReader(_method(wire[asked[-1]]))
    try:
        wholes = [
            reader.receive(what) is not None for _, _, what in answer if isinstance(what, bytes)
        ]
    except MalformedResponse:
        return lines
    if any(wholes[:-1]) or not any(wholes[-1:]):  # more came later, or not all
        return lines
    return [*wire, (answer[-1][0], TO_SERVER, Ending.FIN.value)]


def _method(request: Line) -> str:
    _, _, octets = request
    return octets.partition(b" ")[0].decode("latin-1") if isinstance(octets, bytes) else ""


def _moments(lines: Iterable[Line]) -> Iterator[Moment]:
    for _, group in groupby(lines, lambda line: (line[1], isinstance(line[2], bytes))):
        run = list(group)
        kept = len(run) if len(run) <= MOST_MOMENTS else FIRST_MOMENTS
        yield from map(_moment, run[:kept])
        if rest := run[kept:]:
            octets = sum(len(what) for _, _, what in rest)
            by = _side(rest[0])
            yield Moment(rest[0][0], by, octets=octets, writes=len(rest), until=rest[-1][0])


def _moment(line: Line) -> Moment:
    at, _, what = line
    if isinstance(what, str):
        return Moment(at, _side(line), event=what)
    text = what[:SHOWN_OCTETS].decode("latin-1")
    return Moment(at, _side(line), octets=len(what), text=text)


def _side(line: Line) -> str:
    return "client" if line[1] == TO_SERVER else "server"
