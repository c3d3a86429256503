"""Octets as text of a bounded length."""

from __future__ import annotations

from hashlib import sha256

from hamms_trio.version import VERSION

EXCERPT = 240  # the first octets of a long read, which are written down
ENDING = 60  # the last ones likewise; a short read is written whole
WHOLE = 400


def excerpt(octets: bytes) -> str:
    """Return octets as text: all of a few, or the first and the last ones and a digest."""
    octets = octets.replace(VERSION.encode(), b"VERSION")
    if len(octets) <= WHOLE:
        return repr(octets)[1:]
    digest = sha256(octets).hexdigest()
    begin, end = repr(octets[:EXCERPT])[1:], repr(octets[-ENDING:])[1:]
    return f"{begin} ... {end}: {len(octets)} octets, SHA-256 {digest}"
