"""The fields that a proxy forwards, and those that concern one connection alone (RFC 9110 §7.6.1)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from hamms_trio.workbench.routing.received import Pair

RawField = tuple[bytes, bytes]

# The value of Connection names further ones.
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
# Fields of requests that the proxy writes itself or has acted on.
_OWN = HOP_BY_HOP | {b"content-length", b"expect", b"host"}
# Fields of answers that the workbench's server writes itself.
_SERVERS = HOP_BY_HOP | {b"content-length", b"x-request-id"}
_LINES = re.compile(rb"\r\n([^:\r\n]+):[ \t]*([^\r\n]*)")


def fields_for_target(head: bytes) -> list[RawField]:
    """Return the fields of a request's head that go to the target."""
    return _without(_LINES.findall(head), _OWN)


def fields_for_client(fields: Iterable[RawField]) -> tuple[Pair, ...]:
    """Return the fields of a target's answer that go to the client."""
    kept = _without(list(fields), _SERVERS)
    return tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in kept])


def length_of(fields: Iterable[RawField]) -> int | None:
    """Return the length that Content-Length declares; None if a transfer coding frames the content."""
    length = None
    for name, value in fields:
        name = name.lower()
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length


def _without(fields: list[RawField], unwanted: frozenset[bytes]) -> list[RawField]:
    kept, named = [], b""
    for pair in fields:
        name = pair[0].lower()
        if name not in unwanted:
            kept.append(pair)
        elif name == b"connection":
            named += pair[1].lower() + b","
    if named and named not in (b"keep-alive,", b"close,"):
        also = {word.strip() for word in named.split(b",")}
        kept = [pair for pair in kept if pair[0].lower() not in also]
    return kept


class Hops:
    """The hops of a request through this workbench, which Via counts (RFC 9110 §7.6.3).

    A target may lead back here, and the request would be in a loop.
    """

    def __init__(self) -> None:
        self._mark = f"hamms-{os.urandom(6).hex()}".encode()
        self._found = re.compile(self._mark + rb"-(\d+)")

    def field(self, hops: int) -> RawField:
        """Return the Via field of a request that has passed through this workbench ``hops`` times."""
        return b"Via", b"1.1 %b-%d" % (self._mark, hops)

    def count(self, head: bytes) -> int:
        """Return how often a request has passed through this workbench before."""
        if self._mark not in head:
            return 0
        return max(map(int, self._found.findall(head)), default=0)
