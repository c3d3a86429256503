"""Request bodies for the workbench, and the answers that echo them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tests.clients.outcomes import Answer
from tests.clients.sessions import Body

LIMIT = 512 * 1024  # octets; the workbench's limit for content
FAR_ABOVE = 16 * LIMIT  # more than socket buffers hold, so the server has to read some of it
PIECE = 64_000
FRAMED = ["by-length", "in-chunks"]


@cache
def content(octets: int) -> bytes:
    """Make content of this length in which no two pieces are equal."""
    return b"".join(b"%07d " % number for number in range(octets // 8 + 1))[:octets]


def body(octets: int, framed: str) -> Body:
    """Make a body of this length, framed by Content-Length or by chunks."""
    whole = content(octets)
    return whole if framed == "by-length" else _pieces(whole)


def _pieces(whole: bytes) -> Iterator[bytes]:
    for at in range(0, len(whole), PIECE):
        yield whole[at : at + PIECE]


def echo(octets: int) -> Answer:
    return Answer(200, b"Received POST body: " + content(octets))
