"""Header sections that are a burden to read (RFC 9112 §5)."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.expectation import must_error_or_succeed
from hamms_trio.modes.parameters import Choice, Octets
from hamms_trio.modes.peer import Peer
from hamms_trio.wire import RequestHead

FILLER = b"x" * (64 * 1024)
FieldName = Annotated[str, Choice("Cookie", "Set-Cookie")]


@on_request(client=must_error_or_succeed("RFC 9110 §5.4"))
async def head_size(
    peer: Peer,
    request: RequestHead,
    *,
    size: Octets = 63 * 1024,
    field: FieldName = "Cookie",
) -> None:
    """Answer with a ``Cookie`` header field whose value has exactly ``size`` octets.

    A server has no business to send Cookie; hamms does, so it is the default. ``field=Set-Cookie`` is what a
    client's cookie jar reads.

    There is no limit in HTTP: a client has its own, and has to say so when it is exceeded.
    """
    body = b'{"success": true}'
    fields = ((field, ""), ("Content-Type", "application/json"))
    message = peer.http.message(request, 200, *fields, body=body)
    before, mark, after = message.partition(f"{field}: ".encode())
    await peer.send(before + mark)
    value = memoryview(FILLER)
    for sent in range(0, size, len(value)):
        await peer.send(value[: size - sent])
    await peer.send(after)
