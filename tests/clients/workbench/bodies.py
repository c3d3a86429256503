"""Contents of requests, and what the workbench makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tests.clients.outcomes import Answer
from tests.clients.sessions import Body

LIMIT = 512 * 1024  # octets of content that the workbench takes
FAR_ABOVE = 16 * LIMIT  # more than sockets hold, so whoever sends it has to be read from
PIECE = 64_000
FRAMED = ["by-length", "in-chunks"]


@cache
def content(octets: int) -> bytes:
    """So many octets, of which no two pieces are alike."""
    return b"".join(b"%07d " % number for number in range(octets // 8 + 1))[:octets]


def body(octets: int, framed: str) -> Body:
    """The same, to be sent with a length or in chunks."""
    whole = content(octets)
    return whole if framed == "by-length" else _pieces(whole)


def _pieces(whole: bytes) -> Iterator[bytes]:
    for at in range(0, len(whole), PIECE):
        yield whole[at : at + PIECE]


def echo(octets: int) -> Answer:
    return Answer(200, b"Received POST body: " + content(octets))
