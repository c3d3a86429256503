"""Interim responses, and switches to protocols that nobody asked for (RFC 9110 §15.2).

A client has to parse any number of interim responses before the final one, whether it expects them or not. HTTP/1.0
has none, so clients that speak it get a healthy answer.
"""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import on_request
from hamms_trio.modes.model.expectation import (
    must_error,
    must_error_or_succeed,
    must_stay_bounded,
    must_succeed,
    must_time_out,
)
from hamms_trio.modes.model.parameters import Choice, Flag, Range, Seconds
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

LINK = b"Link: </style.css>; rel=preload; as=style"
AT_ONCE = 1000  # interim responses of a flood that leave in one go

INTERIM = {
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\n%b\r\n\r\n" % LINK,
}
FRAMINGS = {"cl": b"Content-Length: 5", "te": b"Transfer-Encoding: chunked"}

Few = Annotated[int, Range("interim responses", 1, 1000)]
Many = Annotated[int, Range("interim responses", 1, 10_000_000)]
InterimStatus = Annotated[str, Choice(*INTERIM)]
Framing = Annotated[str, Choice(*FRAMINGS)]
Protocol = Annotated[str, Choice("websocket", "h2c", "hamms")]


@on_request(client=must_succeed("RFC 9110 §15.2"), needs_http11=True)
async def interim_100(peer: Peer, request: RequestHead, *, n: Few = 1) -> None:
    """Send ``100 Continue`` although nothing was announced by Expect, then the answer."""
    await peer.send(INTERIM["100"] * n)
    await peer.http.respond_with_canary()


@on_request(
    client=must_succeed("RFC 8297 §3; RFC 9110 §15.2"),
    issues=(
        "notatallshaw/nab#1130",
        "aio-libs/aiohttp#1353",
        "snoyberg/http-client#521",
        "cfug/dio#2600",
    ),
    needs_http11=True,
)
async def interim_103(peer: Peer, request: RequestHead, *, n: Few = 1, cl: Flag = False) -> None:
    """Send ``103 Early Hints`` with a Link, then the answer.

    ``cl`` adds a Content-Length of 5, which means nothing: an interim response has no body.
    """
    await peer.send((_early_hints(FRAMINGS["cl"]) if cl else INTERIM["103"]) * n)
    await peer.http.respond_with_canary()


@on_request(
    client=must_time_out("RFC 9110 §15.2"), issues=("ruby/net-http#319",), needs_http11=True
)
async def interim_102_slow(
    peer: Peer, request: RequestHead, *, interval: Seconds = 0.3, max: Many = 1_000_000
) -> None:
    """Send ``102 Processing`` every ``interval`` seconds, and close after ``max`` of them.

    Each one restarts a timeout that counts from read to read.
    """
    for _ in range(max):
        await peer.send(INTERIM["102"])
        await peer.sleep(interval)
    await peer.finish()


@on_request(
    client=must_stay_bounded("RFC 9110 §15.2"),
    issues=("golang/go#65035", "ruby/net-http#319"),
    needs_http11=True,
)
async def interim_flood(
    peer: Peer, request: RequestHead, *, n: Many = 10_000, status: InterimStatus = "102"
) -> None:
    """Send ``n`` interim responses as fast as they are read, then the answer."""
    many, few = divmod(n, AT_ONCE)
    responses = INTERIM[status] * AT_ONCE
    for _ in range(many):
        await peer.send(responses)
    await peer.send(INTERIM[status] * few)
    await peer.http.respond_with_canary()


@on_request(client=must_succeed("RFC 9112 §6.3 ¶1"), needs_http11=True)
async def interim_with_length(peer: Peer, request: RequestHead, *, form: Framing = "cl") -> None:
    """Send ``103 Early Hints`` that declares a body, which an interim response never has, then the answer."""
    await peer.send(_early_hints(FRAMINGS[form]))
    await peer.http.respond_with_canary()


@on_request(
    client=must_error("RFC 9110 §7.8, §15.2.2"),
    issues=("swift-server/async-http-client#442", "nodejs/undici#244"),
    needs_http11=True,
)
async def interim_101_unexpected(
    peer: Peer, request: RequestHead, *, upgrade: Protocol = "websocket"
) -> None:
    """Switch to a protocol that the request did not ask for, and fall silent."""
    await peer.send(_switching(upgrade))
    await peer.wait_gone()


@on_request(client=must_error("RFC 9110 §15.2.2"), needs_http11=True)
async def interim_101_then_h1(
    peer: Peer, request: RequestHead, *, upgrade: Protocol = "websocket"
) -> None:
    """Switch to a protocol that the request did not ask for, then send an HTTP/1.1 answer, and close."""
    await peer.send(_switching(upgrade))
    await peer.http.respond_with_canary()
    await peer.finish()


@on_request(
    client=must_error_or_succeed("RFC 9110 §15.2"),
    issues=("daurnimator/lua-http#41",),
    needs_http11=True,
)
async def interim_100_http10(peer: Peer, request: RequestHead) -> None:
    """Send ``100 Continue`` in HTTP/1.0, which has no interim responses, then the answer in HTTP/1.1."""
    await peer.send(b"HTTP/1.0 100 Continue\r\n\r\n")
    await peer.http.respond_with_canary()


def _early_hints(framing: bytes) -> bytes:
    return b"HTTP/1.1 103 Early Hints\r\n%b\r\n%b\r\n\r\n" % (LINK, framing)


def _switching(protocol: str) -> bytes:
    start = b"HTTP/1.1 101 Switching Protocols\r\n"
    return start + b"Upgrade: %b\r\nConnection: Upgrade\r\n\r\n" % protocol.encode()
