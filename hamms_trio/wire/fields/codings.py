"""Which content codings a request accepts (RFC 9110 §12.5.3)."""

from __future__ import annotations

import re
from functools import lru_cache

IDENTITY = "identity"
MAX_ACCEPT_ENCODING = 1024  # characters; what follows them is not read

_MEMBER = re.compile(
    r"(\*|[!#$%&'*+\-.^_`|~0-9A-Za-z]++)"
    r"(?:[ \t]*+;[ \t]*+[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)
_ALIASES = {"x-gzip": "gzip", "x-compress": "compress"}  # RFC 9110 §8.4.1
# Acceptable, but less wanted than anything that was asked for: the least quality above 0 is 0.001.
_NOT_REFUSED = 0.0001


def coding_quality(accept_encoding: str | None, coding: str) -> float:
    """How much a content coding is wanted: 0 (not acceptable) to 1.

    ``identity`` is acceptable unless it is refused by its name or by ``*``. Without the field any
    coding would be acceptable, but who does not say so may not know how to decode: none is.
    Malformed members are ignored.
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
