"""From a request target's path to names beneath a directory (RFC 3986 §3.3, §5.2.4)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from hamms_trio.errors import MalformedRequest
from hamms_trio.files.root import OutsideRoot

_BROKEN_ENCODING = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Target(NamedTuple):
    """The names in a path: decoded, and without dot segments."""

    names: tuple[bytes, ...]
    is_directory: bool  # it ends in a slash

    @property
    def path(self) -> str:
        """The names as a path, encoded, from the directory on that they are beneath."""
        return "/".join(map(encode, self.names)) + ("/" if self.names and self.is_directory else "")


def encode(name: bytes) -> str:
    """A name as a path segment; not even a colon is left that could make a scheme of it."""
    return quote(name, safe="")


@lru_cache(maxsize=1024)
def parse_target(path: str) -> Target:
    """The names in a path without its first slash, each of its segments decoded once.

    A slash that is encoded separates nothing: it stands in a name then, which no file has.

    Raises:
        MalformedRequest: its percent-encoding is broken, or has a NUL.
        OutsideRoot: it goes up further than it went down, or starts anew with a slash.
    """
    if _BROKEN_ENCODING.search(path) or "%00" in path:
        raise MalformedRequest(f"the path {path[:80]!r} is not percent-encoded as it should be")
    _check_stays_beneath(unquote_to_bytes(path))
    segments = [unquote_to_bytes(segment) for segment in path.split("/")]
    names: list[bytes] = []
    for segment in segments[:-1] if segments[-1] == b"" else segments:
        if segment == b"..":
            if not names:
                raise OutsideRoot
            names.pop()
        elif segment != b".":
            names.append(segment)
    return Target(tuple(names), segments[-1] in (b"", b".", b".."))


def _check_stays_beneath(decoded: bytes) -> None:
    """Refuse paths that lead out of a directory for a reader that decodes first and splits then."""
    depth = 0
    for name in decoded.split(b"/"):
        depth += -1 if name == b".." else name not in (b"", b".")
        if depth < 0:
            raise OutsideRoot
    if decoded.startswith(b"/"):
        raise OutsideRoot
