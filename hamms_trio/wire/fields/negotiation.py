"""Accept: the media types that a request accepts (RFC 9110 §12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from hamms_trio.wire.grammar import TOKEN

MAX_ACCEPT = 1024  # characters; the rest is ignored

_QUOTED = r'"(?:[^"\\]|\\.)*"'
# An unclosed quoted string takes all the rest, since a search for its end at every quote would take quadratic
# time. Possessive, because backtracking can never help.
_MEMBER = re.compile(r'(?:[^",]++|"(?:[^"\\]|\\.?)*+"?)++', re.DOTALL)
_RANGE = re.compile(rf"[ \t]*({TOKEN})/({TOKEN})[ \t]*")
_PARAMETER = re.compile(rf";[ \t]*(?:({TOKEN})=({TOKEN}|{_QUOTED}))?[ \t]*")
_QVALUE = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")

_MediaRange = tuple[str, str, int, float]  # type, subtype, number of parameters, quality


def quality(accept: str | None, media_type: str) -> float:
    """Return the quality of ``media_type``, from 0 (not acceptable) to 1.

    The most specific range that matches decides, whatever its quality; without an Accept field every type is
    acceptable. A range with parameters other than ``q`` does not match, because our types have none. Malformed
    ranges are ignored.
    """
    if accept is None:
        return 1.0
    ranges = _parse(accept[:MAX_ACCEPT])
    if not ranges:
        return 1.0
    wanted_type, _, wanted_subtype = media_type.partition("/")
    best = (-1, 0.0)
    for main, sub, parameters, weight in ranges:
        if parameters:
            continue
        if (main, sub) == (wanted_type, wanted_subtype):
            rank = 2
        elif main == wanted_type and sub == "*":
            rank = 1
        elif main == "*" and sub == "*":
            rank = 0
        else:
            continue
        best = max(best, (rank, weight), key=lambda found: found[0])
    return best[1]


def best_match(accept: str | None, offered: Iterable[str]) -> str | None:
    """Return the first offered type of the highest quality; None if none is acceptable."""
    best, best_quality = None, 0.0
    for media_type in offered:
        if (wanted := quality(accept, media_type)) > best_quality:
            best, best_quality = media_type, wanted
    return best


@lru_cache(maxsize=256)
def _parse(accept: str) -> tuple[_MediaRange, ...]:
    members = (_parse_range(member) for member in _MEMBER.findall(accept))
    return tuple(member for member in members if member is not None)


def _parse_range(text: str) -> _MediaRange | None:
    match = _RANGE.match(text)
    if match is None:
        return None
    main, sub = match[1].lower(), match[2].lower()
    parameters, position = 0, match.end()
    while position < len(text):
        parameter = _PARAMETER.match(text, position)
        if parameter is None:
            return None
        position = parameter.end()
        name, value = parameter.groups()
        if name and name.lower() == "q":  # what follows q is not part of the range
            return (main, sub, parameters, float(value)) if _QVALUE.fullmatch(value) else None
        parameters += name is not None
    return (main, sub, parameters, 1.0)
