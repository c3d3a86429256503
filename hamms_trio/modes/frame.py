"""Messages whose length is not what they say (RFC 9112 §6)."""

from __future__ import annotations

from hamms_trio.modes.declare import on_connect, on_request
from hamms_trio.modes.expectation import must_error, must_error_or_succeed, must_time_out
from hamms_trio.modes.parameters import MEBIBYTE, Missing, Octets
from hamms_trio.modes.peer import Peer
from hamms_trio.wire import RequestHead, best_match

# The beginnings of what would have been whole documents, the preferred type first.
BEGINNINGS = {
    "application/json": b'{"message": "the rest of this',
    "text/html": b"<!DOCTYPE html><title>hamms</title><p>the rest of this",
    "text/plain": b"the rest of this",
    "text/xml": b'<?xml version="1.0"?><message>the rest of this',
}
FILLER = b"a" * (64 * 1024)  # the octet that hamms sent


@on_connect(client=must_error_or_succeed("RFC 9112 §6.3, §9.2"))
async def frame_cl_long(peer: Peer, *, cl: Octets = 3, size: Octets = MEBIBYTE) -> None:
    """Declare 3 octets of body (``cl``) and send 1 MiB (``size``), without waiting for a request.

    The surplus is not a response to anything: a client that keeps the connection must not read it
    as the answer to its next request.
    """
    declared = (("Content-Length", str(cl)), ("Connection", "keep-alive"))
    await peer.send(peer.http.head(200, ("Content-Type", "text/plain"), *declared))
    for sent in range(0, size, len(FILLER)):
        await peer.send(FILLER[: size - sent])
    await peer.finish()


@on_request(client=must_time_out("RFC 9112 §6.3, §8"))
async def frame_cl_short_hang(peer: Peer, request: RequestHead, *, missing: Missing = 2000) -> None:
    """Declare a longer body than is sent, then fall silent.

    A timeout in the middle of a body is an error, not the end of the body.
    """
    await _send_part(peer, request, missing)
    await peer.wait_gone()


@on_request(client=must_error("RFC 9112 §8"))
async def frame_cl_short_fin(peer: Peer, request: RequestHead, *, missing: Missing = 2000) -> None:
    """Declare a longer body than is sent, then close."""
    await _send_part(peer, request, missing)
    await peer.finish()


async def _send_part(peer: Peer, request: RequestHead, missing: int) -> None:
    media_type = best_match(request.get("accept"), BEGINNINGS) or "application/json"
    part = BEGINNINGS[media_type] if request.method != "HEAD" else b""
    length = str(len(BEGINNINGS[media_type]) + missing)
    fields = (("Content-Type", media_type), ("Content-Length", length))
    await peer.send(peer.http.head(200, *fields) + part)
