"""Requests that ask for no failure mode, and the armed door, where clients can't ask for any.

They meet a fault that was armed for them, or a healthy canary.
"""

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
    """Return the encounter with an armed fault, or without one the healthy canary.

    Of the request's query the nonce counts; all else is the client's own.
    """
    return with_nonce(HEALTHY if fault is None else fault.encounter, request)


def meets_unasked(arming: Arming, request: RequestHead) -> Encounter:
    """Return what a request meets that asks for nothing, and count it."""
    return unasked(request, arming.take_request(request))


class ArmedDoor:
    """Lets each connection meet the fault that is armed for it, from its beginning to its end."""

    name = NAME
    slug = ""
    offset = OFFSET
    listens = True
    port_kind = OPEN
    summary = "A healthy server, until a fault is armed: POST /_hamms/arm on the universal door."

    def __init__(self, arming: Arming) -> None:
        self._arming = arming

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Play with one client, for as long as it stays."""
        fault = self._arming.take_connection()
        if fault is not None:
            return fault.door.play(peer)
        choose = _Connection(self._arming).choose
        return over_tls_if_spoken(peer, lambda client: HTTP1.drive(client, choose))


class _Connection:
    """One connection, whose first request decides."""

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
