"""Accept-Encoding: the content codings that a request accepts (RFC 9110 §12.5.3)."""

from __future__ import annotations

import re
from functools import lru_cache

from hamms_trio.wire.grammar import TOKEN

IDENTITY = "identity"
MAX_ACCEPT_ENCODING = 1024  # characters; the rest is ignored

_MEMBER = re.compile(
    rf"(\*|{TOKEN})"
    r"(?:[ \t]*+;[ \t]*+[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)
_ALIASES = {"x-gzip": "gzip", "x-compress": "compress"}  # RFC 9110 §8.4.1
# Acceptable, but below every coding in the field, since the lowest quality above 0 is 0.001.
_NOT_REFUSED = 0.0001


def coding_quality(accept_encoding: str | None, coding: str) -> float:
    """Return the quality of a content coding, from 0 (not acceptable) to 1.

    ``identity`` is acceptable unless its name or ``*`` has quality 0. Without the field any coding would be
    acceptable, but such a client may not be able to decode, so only ``identity`` is. Malformed members are
    ignored.
    """
    wanted = _parse(accept_encoding[:MAX_ACCEPT_ENCODING]) if accept_encoding else {}
    otherwise = wanted.get("*", _NOT_REFUSED if coding == IDENTITY else 0.0)
    return wanted.get(coding, otherwise)


@lru_cache(maxsize=256)
def _parse(field: str) -> dict[str, float]:
    wanted: dict[str, float] = {}
    for member in field.split(","):
        if match := _MEMBER.fullmatch(member.strip(" \t")):
            coding = match[1].lower()
            coding = _ALIASES.get(coding, coding)
            wanted[coding] = max(wanted.get(coding, 0.0), float(match[2] or 1))
    return wanted
