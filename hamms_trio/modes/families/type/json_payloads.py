"""JSON that is cut, empty, deep, or not quite JSON (RFC 8259), in otherwise correct messages."""

from __future__ import annotations

import json
from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.families.type.answer import answer
from hamms_trio.modes.model.expectation import (
    may_choose,
    must_error,
    must_error_or_succeed,
    must_stay_bounded,
)
from hamms_trio.modes.model.parameters import Choice, Range
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, connection_field

JSON = b"Content-Type: application/json"
DOCUMENT = json.dumps([{"number": number, "text": "a" * 40} for number in range(64)]).encode()
PIECE = 64 * 1024  # octets of a deep document that are sent at a time
NUMBERS = {
    "nan": b"[NaN]",
    "infinity": b"[Infinity, -Infinity]",
    "1e400": b"[1e400]",
    "5000-digits": b"[1%b]" % (b"0" * 5000),
    "minus-zero": b"[-0, -0.0]",
    "beyond-53-bits": b"[%d]" % (2**53 + 1),
}
TRAILING = {
    "object": b'{"message": 1}{"message": 2}',
    "text": b'{"message": 1} and more',
    "comma": b'{"message": 1,}',
}

Depth = Annotated[int, Range("arrays", 1, 10_000_000)]
Number = Annotated[str, Choice(*NUMBERS)]
Trailing = Annotated[str, Choice(*TRAILING)]


@on_request(client=must_error("RFC 8259 §2"))
async def json_truncated(peer: Peer, request: RequestHead) -> None:
    """Send the first half of a JSON document in a message that is complete."""
    await answer(peer, request, JSON, body=DOCUMENT[: len(DOCUMENT) // 2])


@on_request(client=must_error("RFC 8259 §2"))
async def json_empty(peer: Peer, request: RequestHead) -> None:
    """Send 200 with the type of JSON and an empty body; the client reports that nothing came."""
    await answer(peer, request, JSON, body=b"")


@on_request(
    client=must_stay_bounded(
        "RFC 8259 §9", owes="A call that parses JSON fails or succeeds; the process does not crash."
    )
)
async def json_deep(peer: Peer, request: RequestHead, *, depth: Depth = 100_000) -> None:
    """Send ``depth`` arrays, each within the other; a recursive parser must not crash."""
    persistence = connection_field(request).removesuffix(b"\r\n")
    lines = filter(None, (JSON, persistence, b"Content-Length: %d" % (2 * depth)))
    await peer.send(peer.http.raw_head(*lines))
    for bracket in (b"[", b"]") if request.method != "HEAD" else ():
        for sent in range(0, depth, PIECE):
            await peer.send(bracket * min(PIECE, depth - sent))


@on_request(
    client=must_error_or_succeed(
        "RFC 8259 §6",
        owes="A call that parses JSON fails, or returns a value of the nearest number.",
    )
)
async def json_numbers(peer: Peer, request: RequestHead, *, case: Number = "nan") -> None:
    """Send a number that JSON does not have, or that a double can't hold.

    A client reports an error, or delivers the number that was sent, and no other.
    """
    await answer(peer, request, JSON, body=NUMBERS[case])


@on_request(
    client=may_choose(
        "RFC 8259 §4",
        owes="A call that parses JSON fails, or takes the same one of both values each time.",
    )
)
async def json_dup_keys(peer: Peer, request: RequestHead) -> None:
    """Send an object that has the same name twice, with two values."""
    await answer(peer, request, JSON, body=b'{"role": "user", "role": "admin"}')


@on_request(client=must_error("RFC 8259 §2"))
async def json_trailing(peer: Peer, request: RequestHead, *, case: Trailing = "object") -> None:
    """Send a JSON object with another object or text after it, or with a comma before its end."""
    await answer(peer, request, JSON, body=TRAILING[case])


@on_request(client=must_error("RFC 8259 §2"))
async def json_concat(peer: Peer, request: RequestHead) -> None:
    """Send a JSON object in each of many lines (NDJSON) as if they were one document."""
    lines = b"".join(b'{"number": %d}\n' % number for number in range(64))
    await answer(peer, request, JSON, body=lines)
