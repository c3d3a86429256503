"""A truthful frame for any declared type and any content."""

from __future__ import annotations

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, connection_field


async def answer(
    peer: Peer, request: RequestHead, *lines: bytes, body: bytes | None = None
) -> None:
    """Send 200 with these field lines, and ``body`` or else the canary, with its true length."""
    persistence = connection_field(request).removesuffix(b"\r\n")
    length = b"Content-Length: %d" % (CANARY_OCTETS if body is None else len(body))
    await peer.send(peer.http.raw_head(*lines, *filter(None, (persistence,)), length))
    if body is None:
        await peer.http.send_canary(CANARY_OCTETS)
    elif request.method != "HEAD":
        await peer.send(body)
