"""The answer of a healthy server: a canary of 64 KiB.

Clients get it where a mode does not strike, and at doors where no mode is armed.
"""

from __future__ import annotations

from dataclasses import replace

from hamms_trio.canary import CANARY_OCTETS, canary, is_nonce
from hamms_trio.modes.encounter import Choose, Encounter
from hamms_trio.modes.model.parameters import Value
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

CANARY_TYPE = ("Content-Type", "text/plain; charset=utf-8")


async def answer_healthily(peer: Peer, request: RequestHead) -> None:
    """Answer 200 with the whole canary of the client's nonce."""
    await peer.http.respond(request, 200, CANARY_TYPE, body=canary(peer.nonce, CANARY_OCTETS))


async def answer_with_surplus(
    peer: Peer,
    request: RequestHead,
    *lines: bytes,
    start: bytes = b"HTTP/1.1 200 OK",
    surplus: bytes = b"",
) -> None:
    """Send a head with these lines, the canary and more octets in one write.

    A client reads them together. If the rest came later, some clients would find it before the next request.
    """
    content = surplus if request.method == "HEAD" else peer.http.canary() + surplus
    await peer.send(peer.http.canary_head(*lines, start=start) + content)


def healthily(encounter: Encounter) -> Choose:
    """Return a function that chooses an encounter in which the mode of ``encounter`` never strikes."""
    healthy = Encounter(
        encounter.slug,
        _answer_whatever_is_given,
        encounter.arguments,
        decides=True,
        key=encounter.key,
        nonce=encounter.modifiers.nonce or encounter.nonce,
    )
    return lambda request: healthy if request is None else with_nonce(healthy, request)


def with_nonce(encounter: Encounter, request: RequestHead) -> Encounter:
    """Return the encounter with the nonce of the request's query; other parameters belong to the client."""
    if "nonce=" in request.query_string:
        nonce = request.query.get("nonce", "")
        if is_nonce(nonce):
            return replace(encounter, modifiers=replace(encounter.modifiers, nonce=nonce))
    return encounter


async def _answer_whatever_is_given(peer: Peer, request: RequestHead, **_: Value) -> None:
    """Answer healthily, and ignore the mode's arguments."""
    await answer_healthily(peer, request)
