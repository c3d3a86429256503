"""The driver of modes that act on a ClientHello, and above TLS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hamms_trio.errors import MalformedRequest, RequestError, SpeaksTls, TlsBroken
from hamms_trio.modes.drivers.http1 import HTTP1
from hamms_trio.modes.encounter import Choose, Encounter
from hamms_trio.modes.healthy import healthily
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.modes.peers.tls_connection import Carry
from hamms_trio.pki.terms import HEALTHY_TERMS, Terms
from hamms_trio.wire.tls.records import Alert

NEEDS_PORT = "it acts on the ClientHello, before a request has arrived"


@dataclass(frozen=True, slots=True)
class Tls:
    """One encounter for each connection; a client that speaks plain HTTP is refused in plain HTTP.

    Attributes:
        at_once: True if the mode acts before a ClientHello has arrived, and reads the ClientHello itself.
    """

    name: str
    acts: str
    at_once: bool = False

    listens = True
    needs_port = NEEDS_PORT

    async def drive(self, peer: Peer, choose: Choose) -> None:
        encounter = choose(None)
        await at_tls_port(peer, self._play(peer, encounter, strikes=peer.meet(encounter)))

    async def _play(self, peer: Peer, encounter: Encounter, *, strikes: bool) -> None:
        if strikes and self.at_once:
            peer.overhear()
            await encounter.act(peer, **encounter.arguments)
            peer.note_played()
            return
        hello = await peer.tls.receive_hello()
        if strikes:
            await encounter.act(peer, hello, **encounter.arguments)
            peer.note_played()
        else:
            await serve_over_tls(peer, encounter.mended)


async def at_tls_port(peer: Peer, play: Awaitable[None]) -> None:
    """Await ``play``, and refuse a client that does not speak TLS."""
    try:
        await play
    except SpeaksTls as error:
        await _refuse_plain_http(peer, error)
    except MalformedRequest:
        await peer.tls.alert(Alert.DECODE_ERROR)
    except TlsBroken:
        pass  # an early close could erase our alert (RFC 9112 §9.6)
    if not peer.finished:
        await peer.finish()


async def play_within(
    peer: Peer, play: Callable[[Peer], Awaitable[None]], terms: Terms = HEALTHY_TERMS
) -> None:
    """Complete the handshake on these terms, once the ClientHello has come, and play within TLS.

    ``play`` ends the connection; if it leaves the connection open, this function ends it.
    """
    within = peer.over(await peer.tls.shake_hands(terms))
    await play(within)
    if not within.finished:
        await within.finish()
    peer.finished = True


async def serve_over_tls(
    peer: Peer,
    terms: Terms = HEALTHY_TERMS,
    *,
    handshake: Carry | None = None,
    content: Carry | None = None,
    record_octets: int = 0,
) -> None:
    """Complete the handshake on these terms, and answer each request healthily.

    Args:
        handshake: sends the records of the handshake, instead of the connection (see `TlsConnection`).
        content: sends the records after it.
        record_octets: of content in each record at most; 0 for as many as TLS allows.
    """
    tls = await peer.tls.shake_hands(terms, carry=handshake)
    tls.carry = content
    tls.record_octets = record_octets
    await HTTP1.drive(peer.over(tls), healthily(peer.encounter))
    peer.finished = True


async def _refuse_plain_http(peer: Peer, problem: SpeaksTls) -> None:
    request = None
    try:
        request = await peer.http.receive_head()
    except RequestError as error:
        await peer.http.refuse(error)
    else:
        await peer.http.refuse(problem, request)


TLS = Tls("tls", "on each ClientHello")
TLS_AT_ONCE = Tls("tls", "as soon as a client connects", at_once=True)
