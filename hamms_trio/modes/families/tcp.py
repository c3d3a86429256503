"""Connections that fail beneath HTTP: no octet of HTTP is ever wrong, the transport is."""

from __future__ import annotations

import json

from hamms_trio.modes.declare import never_accepts, on_connect, on_request
from hamms_trio.modes.expectation import may_retry, must_error, must_time_out
from hamms_trio.modes.parameters import Seed, Share, Times
from hamms_trio.modes.peer import Peer
from hamms_trio.wire import RequestHead


@never_accepts(client=must_error("RFC 9293 §3.10.7.1"))
async def tcp_refused() -> None:
    """Refuse every connection at once.

    The port is bound but nothing listens on it, so the kernel answers a SYN with RST and no other
    program can take the port meanwhile.
    """


@on_connect(client=must_time_out("RFC 9112 §9.5"))
async def tcp_accept_hang(peer: Peer) -> None:
    """Accept the connection, read whatever comes, and never answer."""
    await peer.wait_gone()


@on_connect(client=must_error("RFC 9112 §8; retry only what RFC 9110 §9.2.2 allows"))
async def tcp_accept_close(peer: Peer) -> None:
    """Close the connection (FIN, no octets) as soon as it is accepted."""
    await peer.finish()


@on_connect(client=must_error("RFC 9112 §8; retry only what RFC 9110 §9.2.2 allows"))
async def tcp_close_after_data(peer: Peer) -> None:
    """Close the connection (FIN, no octets) once the client has sent data, not before."""
    await peer.receive()
    await peer.finish()


@on_request(client=may_retry("RFC 9110 §9.2.2"), decides=True)
async def tcp_drop_random(
    peer: Peer,
    request: RequestHead,
    *,
    failrate: Share = 0.05,
    every: Times = 0,
    seed: Seed | None = None,
) -> None:
    """Reset the connection (RST, no octets) for a share of the requests, and answer the others.

    ``failrate`` is the share; ``every=10`` drops exactly each tenth instead. Which ones depends on
    ``seed`` (the server's, unless given) and on the request's place among those with the same
    parameters, so a run can be replayed.
    """
    nth = peer.count(failrate, every, peer.seed if seed is None else seed)
    drops = nth % every == 0 if every else peer.chance(nth, seed=seed) < failrate
    if drops:
        peer.strike()
        peer.reset()
    else:
        body = json.dumps({"success": True}).encode()
        await peer.http.respond(request, 200, ("Content-Type", "application/json"), body=body)
