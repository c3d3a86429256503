"""Path patterns: ``/users/{id}``, ``/files/{rest...}`` and ``/files/*``.

A parameter is one whole segment, or a segment between fixed text as in ``/reports/{id}.csv``. A segment has at
most one, so that matching takes time in proportion to the path's length whatever a client sends.
"""

from __future__ import annotations

import re
from urllib.parse import quote

MAX_CHARACTERS = 2048

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_REST = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\.\.\.\}\Z")
_SENDABLE = re.compile(r"/[^\x00-\x20\x7f?#]*")


class PathPattern:
    """A path with named parameters.

    Attributes:
        text: as the user wrote it.
        exact: the one path that the pattern matches, or None if it has parameters.
        names: the names of its parameters.

    Raises:
        ValueError: the pattern is malformed.
    """

    def __init__(self, text: str) -> None:
        if not text.startswith("/"):
            raise ValueError("path_pattern must start with /")
        if len(text) > MAX_CHARACTERS or not _SENDABLE.fullmatch(text):
            raise ValueError(
                f"path_pattern must be at most {MAX_CHARACTERS} characters, "
                "without blanks, control characters, ? and #"
            )
        self.text = text
        fixed, rest = _split_rest(text)
        pieces = [_segment(segment) for segment in fixed.split("/")]
        self.names = [name for piece in pieces for name in _PARAMETER.findall(piece[1])]
        if rest:
            self.names.append(rest)
        if len(set(self.names)) < len(self.names):
            raise ValueError("path_pattern has two parameters of one name")
        expression = "/".join(piece[0] for piece in pieces) + ("(.*)" if rest else "")
        self.exact = None if self.names else sent_form(text)
        self._match = re.compile(expression, re.DOTALL).fullmatch

    def match(self, path: str) -> dict[str, str] | None:
        """Return the values of the parameters, as they were sent; None if the path does not match."""
        found = self._match(path)
        return None if found is None else dict(zip(self.names, found.groups(), strict=True))


def sent_form(text: str) -> str:
    """Write a path as clients send it: in ASCII, other characters percent-encoded."""
    return quote(text, safe="/%:@!$&'()*+,;=-._~[]|^\"<>\\`{}")


def _split_rest(text: str) -> tuple[str, str]:
    """Split off a last parameter that takes the rest of a path; return the pattern before it, and its name."""
    if text.endswith("/*"):
        return text[:-1], "*"
    found = _REST.search(text)
    if found and text[found.start() - 1] == "/":
        return text[: found.start()], found[1]
    return text, ""


def _segment(segment: str) -> tuple[str, str]:
    """Return the expression of a segment, and the segment itself."""
    parts = _PARAMETER.split(segment)
    if len(parts) > 3:
        raise ValueError(f"path_pattern has two parameters in the segment {segment!r}")
    if any("{" in part or "}" in part for part in parts[::2]):
        raise ValueError(
            f"path_pattern has a brace in {segment!r} that forms neither {{name}} "
            "nor, as the last segment, {name...}"
        )
    escaped = [re.escape(sent_form(part)) for part in parts[::2]]
    return "([^/]+)".join(escaped), segment
