"""HTTP/1 within TLS: the driver of modes whose fault needs TLS, and functions for doors and tunnels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hamms_trio.modes.drivers.http1 import HTTP1
from hamms_trio.modes.drivers.tls import at_tls_port, play_within
from hamms_trio.modes.encounter import Choose
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.pki.terms import HEALTHY_TERMS, Terms

PlayAbove = Callable[[Peer], Awaitable[None]]


class Https:
    """A handshake, then one encounter for each request."""

    name = "https"
    acts = "on each request within TLS"
    listens = True
    needs_port = None

    async def drive(self, peer: Peer, choose: Choose) -> None:
        if peer.channel is not None:  # a door has completed the handshake
            await HTTP1.drive(peer, choose)
        else:
            await over_tls(peer, lambda within: HTTP1.drive(within, choose))


async def over_tls(peer: Peer, play: PlayAbove, terms: Terms = HEALTHY_TERMS) -> None:
    """Play within TLS; refuse a client that speaks plain HTTP."""

    async def welcome() -> None:
        await peer.tls.receive_hello()
        await play_within(peer, play, terms)

    await at_tls_port(peer, welcome())


async def over_tls_if_spoken(peer: Peer, play: PlayAbove, terms: Terms = HEALTHY_TERMS) -> None:
    """Play within TLS if the client begins with TLS, and without otherwise."""
    if peer.channel is None and await peer.tls.is_spoken():
        await over_tls(peer, play, terms)
    else:
        await play(peer)


HTTPS = Https()
