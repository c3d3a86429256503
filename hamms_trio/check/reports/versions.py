"""Versions of clients, short enough for the head of a column."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d+(?:\.\d+)+|\d+")


def short_version(version: str) -> str:
    """Return the first number in what a client calls its version, or the beginning of that."""
    found = _NUMBER.search(version)
    return found[0] if found else version[:12]
