"""Server-sent events as octets (WHATWG HTML §9.2.5), and ways to split octets over chunks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

EVENT_STREAM = "text/event-stream"
BOM = b"\xef\xbb\xbf"
LF, CR = b"\n", b"\r"

_LINE_END = re.compile(rb"[\r\n]")
_LONG_CHARACTER = re.compile(rb"[\xc0-\xff]")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """The fields of one event; None omits the line. Nothing is checked: ids may hold NUL.

    Attributes:
        data: the text; LF separates its lines, and each becomes a data line.
        type: the field ``event``.
    """

    data: str | None = None
    type: str | None = None
    id: str | None = None
    retry: str | None = None

    def lines(self, spaces: int = 1) -> Iterator[bytes]:
        """Return the event's lines without line ends, including the empty line that dispatches it.

        Args:
            spaces: how many follow the colon of a data line; a reader drops one. Other lines have at most one.
        """
        space = " " * min(spaces, 1)
        for name, value in (("event", self.type), ("id", self.id), ("retry", self.retry)):
            if value is not None:
                yield f"{name}:{space}{value}".encode()
        if self.data is not None:
            for line in self.data.split("\n"):
                yield f"data:{' ' * spaces}{line}".encode()
        yield b""

    def octets(self, spaces: int = 1) -> bytes:
        return b"".join(line + LF for line in self.lines(spaces))


def comment(text: str) -> bytes:
    """Return a comment line and an empty line, which keep a connection alive."""
    return f": {text}\n\n".encode()


def ended_in_turn(lines: Iterable[bytes], line_ends: tuple[bytes, ...]) -> bytes:
    """Join lines with these line ends in turn.

    No line with CR precedes an empty line with LF, because the two would be one line end.
    """
    octets = bytearray()
    for nth, line in enumerate(lines):
        line_end = line_ends[nth % len(line_ends)]
        if not line and octets.endswith(CR) and line_end == LF:
            line_end = CR  # CR LF would be one line end
        octets += line + line_end
    return bytes(octets)


def split_at(octets: bytes, offsets: Iterable[int]) -> Iterator[bytes]:
    """Split at ascending offsets; omit empty pieces."""
    start = 0
    for end in offsets:
        if start < end < len(octets):
            yield octets[start:end]
            start = end
    if start < len(octets):
        yield octets[start:]


def split_each(octets: bytes) -> Iterator[bytes]:
    """Split into single octets."""
    return split_at(octets, range(1, len(octets)))


def split_line_ends(octets: bytes) -> Iterator[bytes]:
    """Split after each CR and each LF, so that a CR LF is split in two."""
    return split_at(octets, (match.end() for match in _LINE_END.finditer(octets)))


def split_characters(octets: bytes) -> Iterator[bytes]:
    """Split after the first octet of each character of several octets."""
    return split_at(octets, (match.end() for match in _LONG_CHARACTER.finditer(octets)))
