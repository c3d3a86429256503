"""The armed door, and requests that name no mode: they meet an armed fault, or a healthy canary."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from hamms_trio.lab.armed.arming import ArmedFault, Arming
from hamms_trio.modes.drivers import HTTP1, over_tls_if_spoken
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.healthy import answer_healthily, with_nonce
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.listening.port_kind import OPEN
from hamms_trio.wire import RequestHead

NAME = "armed"
OFFSET = 98
HEALTHY = Encounter("ok", answer_healthily, {}, decides=True)


def unasked(request: RequestHead, fault: ArmedFault | None) -> Encounter:
    """Return the encounter with an armed fault, or with the healthy canary.

    Only the nonce in the query counts; all other parameters belong to the client.
    """
    return with_nonce(HEALTHY if fault is None else fault.encounter, request)


def meets_unasked(arming: Arming, request: RequestHead) -> Encounter:
    """Take the fault that is armed for a request which names no mode, and return the encounter."""
    return unasked(request, arming.take_request(request))


class ArmedDoor:
    """The door where each connection meets the fault that is armed for it, until the connection ends."""

    name = NAME
    slug = ""
    offset = OFFSET
    listens = True
    port_kind = OPEN
    summary = "A healthy server, until a fault is armed: POST /_hamms/arm on the universal door."

    def __init__(self, arming: Arming) -> None:
        self._arming = arming

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Serve one connection until it ends."""
        fault = self._arming.take_connection()
        if fault is not None:
            return fault.door.play(peer)
        choose = _Connection(self._arming).choose
        return over_tls_if_spoken(peer, lambda client: HTTP1.drive(client, choose))


class _Connection:
    """One connection, whose first request decides about the fault."""

    def __init__(self, arming: Arming) -> None:
        self._arming = arming
        self._fault: ArmedFault | None = None
        self._is_decided = False

    def choose(self, request: RequestHead | None) -> Encounter:
        assert request is not None  # http1 asks about requests
        if not self._is_decided:
            self._is_decided = True
            self._fault = self._arming.take_request(request)
        return unasked(request, self._fault)
