"""The answer of a server with which nothing is wrong: a canary of 64 KiB.

Clients get it where a mode does not strike, and at doors where no mode is armed.
"""

from __future__ import annotations

from hamms_trio.canary import DEFAULT_OCTETS, canary
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.model.parameters import Value
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead

CANARY_TYPE = ("Content-Type", "text/plain; charset=utf-8")


async def answer_healthily(peer: Peer, request: RequestHead) -> None:
    """Answer 200 with the whole canary of the client's nonce."""
    fields = (CANARY_TYPE, ("X-Hamms-Nonce", peer.nonce))
    await peer.http.respond(request, 200, *fields, body=canary(peer.nonce, DEFAULT_OCTETS))


def healthy_instead_of(encounter: Encounter) -> Encounter:
    """Return an encounter in which the mode of ``encounter`` never strikes."""
    return Encounter(
        encounter.slug,
        _answer_whatever_is_given,
        encounter.arguments,
        decides=True,
        key=encounter.key,
        nonce=encounter.modifiers.nonce or encounter.nonce,
    )


async def _answer_whatever_is_given(peer: Peer, request: RequestHead, **_: Value) -> None:
    """Answer healthily: the arguments are the mode's own."""
    await answer_healthily(peer, request)
