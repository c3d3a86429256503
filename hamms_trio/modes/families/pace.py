"""Responses that are valid, but late: as a whole, bit by bit, or never complete.

A timeout that counts from read to read does not bound a response that dribbles; only a total timeout does.
"""

from __future__ import annotations

import json
from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes.declare import on_request
from hamms_trio.modes.model.expectation import Level, must_error_or_succeed, must_time_out
from hamms_trio.modes.model.parameters import MEBIBYTE, Choice, Octets, Range, Rate, Seconds, Size
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, chunk, last_chunk

BURST = 16 * 1024  # octets of an endless body in one go, so that the other clients have their turns

Burst = Annotated[int, Range("octets", 1, MEBIBYTE)]
Framing = Annotated[str, Choice("close", "chunked")]


@on_request(
    client=must_time_out("RFC 9112 §9.5", level=Level.QUALITY), issues=("postmanlabs/httpbin#642",)
)
async def pace_byte(peer: Peer, request: RequestHead, *, interval: Seconds = 5.0) -> None:
    """Send a valid response (204) one octet every ``interval`` seconds, the first after ``interval``.

    Each octet restarts a timeout that counts from read to read, so one longer than ``interval``
    never fires: a client has to bound the whole exchange.
    """
    message = peer.http.message(request, 204)
    for at in range(len(message)):
        await peer.sleep(interval)
        await peer.send(message[at : at + 1])


@on_request(client=must_time_out("RFC 9112 §9.5", level=Level.QUALITY))
async def pace_header_drip(
    peer: Peer, request: RequestHead, *, interval: Seconds = 0.3, max: Octets = MEBIBYTE
) -> None:
    """Send a field's value one octet every ``interval`` seconds, and close after ``max`` of them."""
    await peer.send(b"HTTP/1.1 200 OK\r\nX-A: ")
    for _ in range(max):
        await peer.send(b"a")
        await peer.sleep(interval)
    await peer.finish()


@on_request(client=must_time_out("RFC 9112 §9.5", level=Level.QUALITY))
async def pace_first_byte(peer: Peer, request: RequestHead, *, sleep: Seconds = 5.0) -> None:
    """Wait before the first octet, then answer 200 with the request's headers as JSON."""
    await peer.sleep(sleep)
    fields: dict[str, str] = {}
    for name, value in request.fields:  # lines of one field are one list (RFC 9110 §5.3)
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    body = json.dumps(fields).encode()
    await peer.http.respond(request, 200, ("Content-Type", "application/json"), body=body)


@on_request(client=must_time_out("RFC 9112 §9.5", level=Level.QUALITY))
async def pace_stall_after_headers(peer: Peer, request: RequestHead) -> None:
    """Send the head of a response with a body, then fall silent.

    Some timeouts end with the head, so nothing bounds the body.
    """
    await peer.send(peer.http.canary_head())
    await peer.wait_gone()


@on_request(client=must_time_out("RFC 9112 §9.5", level=Level.QUALITY))
async def pace_infinite_body(
    peer: Peer,
    request: RequestHead,
    *,
    rate: Rate = 10_000_000.0,
    framing: Framing = "close",
    max: Size = 1024 * MEBIBYTE,
) -> None:
    """Send a body of the canary that goes on, ten megabytes in a second, and ends after ``max`` octets.

    It is delimited by the connection's end, or chunked; an HTTP/1.0 client gets the former.
    """
    is_chunked = framing == "chunked" and request.minor_version > 0
    line = b"Transfer-Encoding: chunked" if is_chunked else b"Connection: close"
    await peer.send(peer.http.raw_head(b"Content-Type: text/plain", line))
    for start in range(0, max if request.method != "HEAD" else 0, BURST):
        data = peer.http.canary(min(BURST, max - start), start=start)
        await peer.send(chunk(data) if is_chunked else data)
        await peer.sleep(BURST / rate)
    if not is_chunked:
        await peer.finish()
    elif request.method != "HEAD":
        await peer.send(last_chunk())


@on_request(client=must_time_out("RFC 9112 §9.5", level=Level.QUALITY))
async def pace_burst(
    peer: Peer,
    request: RequestHead,
    *,
    gap: Seconds = 0.5,
    burst: Burst = 16 * 1024,
    size: Octets = MEBIBYTE,
) -> None:
    """Send the body in bursts with a gap after each, shorter than a timeout from read to read.

    The whole takes half a minute, which only a total timeout shortens.
    """
    await peer.send(peer.http.canary_head(octets=size))
    for start in range(0, size, burst):
        await peer.http.send_canary(min(burst, size - start), start=start)
        await peer.sleep(gap)


@on_request(client=must_error_or_succeed("RFC 9112 §9.5", level=Level.QUALITY))
async def pace_duration_jump(peer: Peer, request: RequestHead, *, at: Seconds = 1.0) -> None:
    """Send all but the body's last octet, and that ``at`` seconds after the first: at the client's own deadline.

    The client tells its user of a success or of a timeout, once.
    """
    await peer.send(peer.http.canary_head())
    await peer.http.send_canary(CANARY_OCTETS - 1)
    await peer.sleep(at)
    await peer.http.send_canary(1, start=CANARY_OCTETS - 1)
