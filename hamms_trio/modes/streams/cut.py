"""Points at which a healthy stream breaks, and the octets that leave before that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hamms_trio.modes.streams.shapes import Part, Piece


def until(pieces: Iterable[Piece], after: int) -> Iterator[Piece]:
    """Return the pieces up to token number ``after``, at most up to the last token."""
    for piece in pieces:
        if piece.tokens > after or piece.part in _BEHIND:
            return
        yield piece


def cut(pieces: Iterable[Piece], after: int, at: str = "event") -> list[bytes]:
    """Return the octets before the fault.

    Args:
        after: tokens that leave whole.
        at: ``event`` (between two events), ``inside`` (half of the next event), or ``utf8`` (up to the
            first octet of the next event's first character of several).
    """
    pieces = list(pieces)
    whole = [piece.octets for piece in until(pieces, after)]
    if at == "event" or len(whole) == len(pieces):
        return whole
    following = pieces[len(whole)].octets
    return [*whole, half(following) if at == "inside" else half_character(following)]


def without(pieces: Iterable[Piece], *parts: Part) -> list[bytes]:
    """Return the octets of all events except those of some parts."""
    return [piece.octets for piece in pieces if piece.part not in parts]


def half(octets: bytes) -> bytes:
    """Return an event up to the middle of its content, so that the cut lies inside a line."""
    content = octets.rstrip(b"\r\n")
    start = max(content.rfind(b"data:"), 0)
    return octets[: start + max(1, (len(content) - start) // 2)]


def half_character(octets: bytes) -> bytes:
    """Return the octets up to the first one of the first long character; all but the last without one."""
    for at, octet in enumerate(octets):
        if octet >= 0xC0:
            return octets[: at + 1]
    return octets[:-1]


_BEHIND = (Part.CLOSING, Part.FINISH, Part.USAGE, Part.TERMINAL)
