"""Header sections that are a burden to read (RFC 9112 §5)."""

from __future__ import annotations

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.expectation import must_error_or_succeed
from hamms_trio.modes.parameters import Octets
from hamms_trio.modes.peer import Peer
from hamms_trio.wire import RequestHead

FILLER = b"x" * (64 * 1024)
_MARK = b"Cookie: "


@on_request(offset=11, client=must_error_or_succeed("RFC 9110 §5.4"))
async def head_size(peer: Peer, request: RequestHead, *, size: Octets = 63 * 1024) -> None:
    """Answer with a Cookie header field whose value has exactly ``size`` octets.

    There is no limit in HTTP: a client has its own, and has to say so when it is exceeded.
    """
    body = b'{"success": true}'
    fields = (("Cookie", ""), ("Content-Type", "application/json"))
    before, mark, after = peer.message(request, 200, *fields, body=body).partition(_MARK)
    await peer.send(before + mark)
    value = memoryview(FILLER)
    for sent in range(0, size, len(value)):
        await peer.send(value[: size - sent])
    await peer.send(after)
