"""Connections that end, stall or crawl while the client sends its request."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import on_connect, on_request
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import Level, may_retry, must_error, must_time_out
from hamms_trio.modes.model.parameters import MEBIBYTE, Choice, Octets, Range, Rate, Text
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.listening.port_kind import PortKind
from hamms_trio.wire import RequestHead

SMALL_BUFFER = 4096  # SO_RCVBUF, so that a client soon notices that nobody reads
LONGEST_SECONDS = 600.0  # for which a client that never leaves keeps a connection

After = Annotated[str, Choice("head", "body", "1byte")]
Buffer = Annotated[int, Range("octets", 256, 16 * MEBIBYTE)]
Nth = Annotated[int, Range("requests", 1, 1_000_000)]


@on_connect(
    client=must_error("RFC 9112 §8; retry only what RFC 9110 §9.2.2 allows", attempts={"POST": 1})
)
async def tcp_close_after_data(peer: Peer) -> None:
    """Close the connection (FIN, no octets) once the client has sent data, not before."""
    await peer.receive()
    await peer.finish()


@on_request(client=must_error("RFC 9112 §8", attempts={"POST": 1}))
async def tcp_close_after_request(
    peer: Peer, request: RequestHead, *, after: After = "head"
) -> None:
    """Read the request's head, all of its body, or the body's first octets, and close without an octet."""
    await _read(peer, after)
    await peer.finish()


@on_request(
    client=must_error("RFC 9110 §9.2.2", attempts={"POST": 1}),
    issues=("golang/go#22158",),
)
async def tcp_rst_after_request(peer: Peer, request: RequestHead, *, after: After = "head") -> None:
    """Read the request's head, all of its body, or the body's first octets, and reset the connection.

    The client can't know if the request was acted on, so a POST must not be sent again.
    """
    await _read(peer, after)
    peer.reset()


@on_request(client=must_error("RFC 9112 §9.5", attempts={"POST": 1}), issues=("psf/requests#2422",))
async def tcp_rst_mid_request(peer: Peer, request: RequestHead, *, bytes: Octets = 1000) -> None:
    """Read ``bytes`` octets of the body, and reset the connection while the client sends the rest."""
    await _read_octets(peer, bytes)
    peer.reset()


@on_request(
    client=must_time_out("RFC 9293 §3.8.6.1"),
    issues=(
        "googleapis/google-http-java-client#484",
        "apache/cxf#3250",
        "yhirose/cpp-httplib#477",
    ),
    port=lambda given: PortKind(receive_buffer=int(given["rcvbuf"] or SMALL_BUFFER)),
)
async def tcp_never_read(
    peer: Peer, request: RequestHead, *, read: Octets = 0, rcvbuf: Buffer = SMALL_BUFFER
) -> None:
    """Read the request's head and ``read`` octets of its body, then nothing more, and never answer.

    The window closes, and the client's upload stalls once the kernel's buffers are full; at a port of its own, the
    server's buffer has ``rcvbuf`` octets. Only a timeout for writing, or for the whole exchange, ends it.
    """
    await _read_octets(peer, read)
    await peer.wait_left(LONGEST_SECONDS)


@on_request(
    client=must_time_out(
        "RFC 9293 §3.8.6", level=Level.QUALITY, owes="A call without a timeout succeeds in the end."
    ),
    issues=("square/okhttp#4455",),
    port=PortKind(receive_buffer=SMALL_BUFFER),
)
async def tcp_slow_read(peer: Peer, request: RequestHead, *, rate: Rate = 10_000.0) -> None:
    """Read the request's body at ``rate`` octets a second, then answer healthily.

    A client that is patient succeeds; one with a deadline for its upload reports a timeout.
    """
    while data := await peer.http.receive_content():
        await peer.sleep(len(data) / rate)
    await answer_healthily(peer, request)


@on_request(client=may_retry("RFC 9110 §9.2.2", attempts={"POST": 1}), decides=True)
async def tcp_drop_every_nth(
    peer: Peer, request: RequestHead, *, n: Nth = 10, key: Text = "default"
) -> None:
    """Close the connection (FIN, no octets) instead of the answer to each ``n``-th request of this ``key``."""
    if peer.count(key) % n:
        await answer_healthily(peer, request)
    else:
        peer.strike()
        await peer.finish()


async def _read(peer: Peer, after: str) -> None:
    """Read the part of the body that precedes the fault."""
    if after != "head":
        await _read_octets(peer, 1 if after == "1byte" else None)


async def _read_octets(peer: Peer, octets: int | None) -> None:
    """Read at least ``octets`` of the body, or all of it for None."""
    received = 0
    while octets is None or received < octets:
        data = await peer.http.receive_content()
        if not data:
            return
        received += len(data)
