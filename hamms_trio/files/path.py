"""The path of a request target as names beneath a directory (RFC 3986 §3.3, §5.2.4)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from hamms_trio.errors import MalformedRequest
from hamms_trio.files.disk.root import OutsideRoot

_BROKEN_ENCODING = re.compile(r"%(?![0-9A-Fa-f]{2})")


class ResourcePath(NamedTuple):
    """The names in a path, decoded and without dot segments."""

    names: tuple[bytes, ...]
    is_directory: bool  # the path ends in a slash

    @property
    def path(self) -> str:
        """The names as an encoded path, relative to the directory."""
        return "/".join(map(encode, self.names)) + ("/" if self.names and self.is_directory else "")


def encode(name: bytes) -> str:
    """Encode a name as a path segment; the colon too, because it could make the name a scheme."""
    return quote(name, safe="")


@lru_cache(maxsize=1024)
def parse_path(path: str) -> ResourcePath:
    """Split a path, given without its first slash, into names; decode each segment once.

    An encoded slash separates nothing. It is part of a name, which no file has.

    Raises:
        MalformedRequest: the percent-encoding is broken or contains a NUL.
        OutsideRoot: the path goes up further than it went down, or has a second slash in front.
    """
    if _BROKEN_ENCODING.search(path) or "%00" in path:
        raise MalformedRequest(f"the percent-encoding of the path {path[:80]!r} is broken")
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
    return ResourcePath(tuple(names), segments[-1] in (b"", b".", b".."))


def _check_stays_beneath(decoded: bytes) -> None:
    """Refuse a path that leads out of the directory if it is decoded before it is split."""
    depth = 0
    for name in decoded.split(b"/"):
        depth += -1 if name == b".." else name not in (b"", b".")
        if depth < 0:
            raise OutsideRoot
    if decoded.startswith(b"/"):
        raise OutsideRoot
