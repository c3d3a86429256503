"""Ways in which octets reach a reader: whole, octet by octet, in any pieces, followed by others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

from hypothesis import settings, strategies as st

from hamms_trio.wire import BodyReader, RequestHead, RequestReader

DETERMINISTIC = settings(derandomize=True, deadline=None, database=None, max_examples=500)


def whole(octets: bytes) -> list[bytes]:
    return [octets]


def octet_by_octet(octets: bytes) -> list[bytes]:
    return [octets[at : at + 1] for at in range(len(octets))]


def in_two(octets: bytes) -> list[bytes]:
    return [octets[: len(octets) // 2], octets[len(octets) // 2 :]]


Way = Callable[[bytes], list[bytes]]
WAYS: tuple[Way, ...] = (whole, octet_by_octet, in_two)


def cut(octets: bytes, places: Iterable[int]) -> list[bytes]:
    """``octets`` in pieces, cut at ``places`` (modulo their length)."""
    ends = sorted({place % (len(octets) + 1) for place in places} | {0, len(octets)})
    return [octets[begin:end] for begin, end in pairwise(ends)]


PLACES = st.lists(st.integers(0, 1 << 16), max_size=12)


def read_heads(pieces: Iterable[bytes]) -> tuple[list[RequestHead], bytes]:
    """Every head in what arrives, and the octets that are left."""
    reader, heads = RequestReader(), []
    for piece in pieces:
        reader.feed(piece)
        while (request := reader.next_head()) is not None:
            heads.append(request)
    return heads, reader.take()


def read_requests(pieces: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Every request in what arrives: its head and its content."""
    reader, requests = RequestReader(), []
    request: RequestHead | None = None
    for piece in pieces:
        reader.feed(piece)
        while True:
            if request is None:
                if (request := reader.next_head()) is None:
                    break
                body, content = BodyReader(request), b""
            content += body.feed(reader.take())
            if not body.complete:
                break
            reader.give_back(body.rest)
            requests.append((request.octets, content))
            request = None
    return requests
