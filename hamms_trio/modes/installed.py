"""Failure modes of installed packages: entry points of the group ``hamms_trio.modes``.

Most environments have none, and importlib.metadata takes longer to import than the rest of the catalogue. So the
entry points are searched for the group's name first.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from hamms_trio.errors import CatalogueError
from hamms_trio.modes.catalogue import ModeSource

ENTRY_POINTS = "hamms_trio.modes"


def installed_modes() -> list[ModeSource]:
    """Return the failure modes of every installed package.

    Raises:
        CatalogueError: an entry point can't be imported, or is no source of failure modes.
    """
    if not any(map(_may_have_modes, dict.fromkeys(sys.path))):
        return []
    from importlib.metadata import entry_points

    sources: list[ModeSource] = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            sources.append(point.load())
        except (ImportError, AttributeError) as error:
            raise CatalogueError(
                f"can't load the failure modes {point.name!r} ({point.value}): {error}"
            ) from error
    return sources


def _may_have_modes(entry: str) -> bool:
    """Return True if a package in this entry of ``sys.path`` has the group, or if only importlib can tell."""
    place = entry or "."
    with suppress(OSError):
        changed = os.stat(place).st_mtime_ns
        return os.path.isfile(place) or _have_modes(os.path.abspath(place), changed)
    return False


@lru_cache(maxsize=256)
def _have_modes(directory: str, _changed: int) -> bool:
    """Return True if a package in this directory has the group.

    An installation changes the directory's time, on which importlib.metadata relies, too.
    """
    return any(_names_group(points) for points in Path(directory).glob("*.*-info/entry_points.txt"))


def _names_group(entry_points: Path) -> bool:
    with suppress(OSError):
        return f"[{ENTRY_POINTS}]".encode() in entry_points.read_bytes()
    return False
