"""Answers that the transport delays, cuts, slices or damages."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from math import log
from typing import Annotated

from hamms_trio.canary import CANARY_OCTETS
from hamms_trio.modes.declare import on_request
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.model.expectation import Level, may_retry, must_error, must_succeed
from hamms_trio.modes.model.parameters import (
    Choice,
    End,
    Octets,
    Range,
    Seconds,
    Seed,
    Share,
    Times,
)
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead
from hamms_trio.wire.http1.build import TEXT_PLAIN

CLOSE = b"Connection: close"

Damage = Annotated[str, Choice("drop", "flip", "dup")]
Framing = Annotated[str, Choice("length", "close")]
Place = Annotated[int, Range("octets", 0, CANARY_OCTETS)]


@on_request(client=must_succeed("RFC 9112 §9.6", owes="The call returns before `hold` has passed."))
async def tcp_half_close_after_response(
    peer: Peer, request: RequestHead, *, hold: Seconds = 5.0
) -> None:
    """Answer healthily, close our side (FIN), and read for ``hold`` seconds before the connection is closed.

    The client has its answer, and closes its own side.
    """
    await answer_healthily(peer, request)
    await peer.half_close()
    await peer.wait_gone(hold)
    await peer.finish()


@on_request(
    client=must_succeed(
        "RFC 9112 §6.3, §9.6", owes="With a length, the call returns before `delay` has passed."
    )
)
async def tcp_slow_close(
    peer: Peer, request: RequestHead, *, delay: Seconds = 5.0, framing: Framing = "length"
) -> None:
    """Send a whole answer with ``Connection: close``, and close ``delay`` seconds later.

    The client has the whole body at once, by its length, and must not wait for the end. With ``framing=close``
    there is no length, and the client has to wait for the end.
    """
    length = (b"Content-Length: %d" % CANARY_OCTETS,) if framing == "length" else ()
    await peer.send(peer.http.raw_head(TEXT_PLAIN, CLOSE, *length))
    await peer.http.send_canary(CANARY_OCTETS)
    await peer.wait_gone(delay)
    await peer.finish()


@on_request(
    client=must_succeed("RFC 9112 §2.2"),
    defaults={"delay": 0.1, "jitter": 0.05, "slice": 16 * 1024},
)
async def tcp_latency(peer: Peer, request: RequestHead) -> None:
    """Answer healthily, each 16 KiB a tenth of a second late, give or take half of it.

    The modifiers ``delay``, ``jitter`` and ``slice`` set the delay and the size.
    """
    await answer_healthily(peer, request)


@on_request(client=must_succeed("RFC 9112 §2.2"), defaults={"rate": 32 * 1024.0})
async def tcp_bandwidth(peer: Peer, request: RequestHead) -> None:
    """Answer healthily at 32 KiB a second; the modifier ``rate`` sets the speed."""
    await answer_healthily(peer, request)


@on_request(client=must_succeed("RFC 9112 §2.2"), defaults={"slice": 1000, "delay": 0.005})
async def tcp_slicer(peer: Peer, request: RequestHead) -> None:
    """Answer healthily in segments of 1 000 octets with a pause between; ``slice`` and ``delay`` set both.

    Each segment leaves alone (TCP_NODELAY): a client must not depend on where one ends.
    """
    await answer_healthily(peer, request)


@on_request(client=must_error("RFC 9112 §8"))
async def tcp_limit_data(
    peer: Peer, request: RequestHead, *, bytes: Octets = 1000, how: End = "fin"
) -> None:
    """Send the first ``bytes`` octets of a healthy response, its head included, then close, reset or hang."""
    head = peer.http.canary_head()
    await peer.send(head[:bytes])
    await peer.http.send_canary(min(max(bytes - len(head), 0), CANARY_OCTETS))
    await peer.end(how)


@on_request(client=may_retry("RFC 9110 §9.2.2", attempts={"POST": 1}), decides=True)
async def tcp_drop_random(
    peer: Peer,
    request: RequestHead,
    *,
    failrate: Share = 0.05,
    every: Times = 0,
    seed: Seed | None = None,
) -> None:
    """Reset the connection (RST, no octets) for a share of the requests, and answer the others.

    ``failrate`` is the share; ``every=10`` drops exactly each tenth instead. ``seed`` (the server's, unless
    given) and the request's place among those with the same parameters decide, so a run can be replayed.
    """
    nth = peer.count(failrate, every, peer.seed if seed is None else seed)
    drops = nth % every == 0 if every else peer.chance(nth, seed=seed) < failrate
    if drops:
        peer.strike()
        peer.reset()
    else:
        body = json.dumps({"success": True}).encode()
        await peer.http.respond(request, 200, ("Content-Type", "application/json"), body=body)


@on_request(
    client=must_error(
        "RFC 9112 §8, RFC 9530 §2",
        level=Level.QUALITY,
        owes="A length reveals `drop` and `dup`; only a "
        "client that verifies the digest sees `flip`.",
    )
)
async def tcp_corrupt_bytes(
    peer: Peer,
    request: RequestHead,
    *,
    op: Damage = "drop",
    rate: Share = 0.001,
    seed: Seed | None = None,
) -> None:
    """Send a whole head with a length and a digest, and a body of which random octets are dropped; then close.

    ``rate`` is the share of the octets, ``op=flip`` inverts them instead, and ``op=dup`` sends them twice. The
    length reveals missing octets, and the Repr-Digest reveals all damage, if the client checks it.
    ``seed`` (the server's, unless given) and the request's number decide which octets are damaged.
    """
    body = bytearray(peer.http.canary(CANARY_OCTETS))
    digest = b"Repr-Digest: sha-256=:%b:" % b64encode(sha256(body).digest())
    await peer.send(peer.http.canary_head(digest))
    for at in reversed(list(_places(peer, len(body), rate, seed))):
        octet = body[at]
        body[at : at + 1] = {"drop": [], "flip": [octet ^ 0xFF], "dup": [octet, octet]}[op]
    if request.method != "HEAD":
        await peer.send(memoryview(body))
    await peer.finish()


@on_request(client=must_succeed("RFC 6093 §3", owes="The urgent octet, `!`, is not in the body."))
async def tcp_oob_byte(peer: Peer, request: RequestHead, *, at: Place = CANARY_OCTETS // 2) -> None:
    """Send one octet of urgent data (``MSG_OOB``) after ``at`` octets of a healthy answer's body.

    The octet is no part of the body, which continues after it; only a program that asks for urgent data sees it.
    """
    await peer.send(peer.http.canary_head())
    await peer.http.send_canary(at)
    await peer.connection.send_urgent(b"!")
    await peer.http.send_canary(CANARY_OCTETS - at, start=at)


def _places(peer: Peer, octets: int, rate: float, seed: int | None) -> Iterator[int]:
    """Yield the positions of the damaged octets; chance decides their distances, not each octet."""
    nth, at = peer.count(), -1
    while rate > 0:
        draw = 1.0 - peer.chance(nth, at, seed=seed)
        at += 1 if rate >= 1 else 1 + int(log(draw) / log(1.0 - rate))
        if at >= octets:
            return
        yield at
