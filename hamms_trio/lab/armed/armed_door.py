"""The armed door, and requests that name no mode: they meet an armed fault, or a healthy canary."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from hamms_trio.lab.armed.arming import ArmedFault, Arming
from hamms_trio.modes.drivers import HTTP1, at_tls_port, over_tls_if_spoken
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.healthy import answer_healthily, with_nonce
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.listening.port_kind import OPEN
from hamms_trio.wire import RequestHead

ARMED_DOOR = "armed"
ARMED_OFFSET = 98
UNARMED = Encounter("ok", answer_healthily, {}, decides=True)


def unasked(request: RequestHead, fault: ArmedFault | None) -> Encounter:
    """Return the encounter with an armed fault, or with the healthy canary.

    Only the nonce in the query counts; all other parameters belong to the client.
    """
    return with_nonce(UNARMED if fault is None else fault.encounter, request)


def meets_unasked(
    arming: Arming, request: RequestHead, server_name: str | None = None
) -> Encounter:
    """Take the fault that is armed for a request which names no mode, and return the encounter."""
    return unasked(request, arming.take_request(request, server_name))


class ArmedDoor:
    """The door where each connection meets the fault that is armed for it, until the connection ends."""

    name = ARMED_DOOR
    slug = ""
    offset = ARMED_OFFSET
    listens = True
    port_kind = OPEN
    summary = "A healthy server, until a fault is armed: POST /_hamms/arm on the universal door."

    def __init__(self, arming: Arming) -> None:
        self._arming = arming

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Serve one connection until it ends."""
        if self._arming.needs_hello:
            return at_tls_port(peer, self._play_after_hello(peer))
        return self._play(peer, self._arming.take_connection())

    def _play(self, peer: Peer, fault: ArmedFault | None) -> Coroutine[Any, Any, None]:
        if fault is not None:
            return fault.door.play(peer)
        return over_tls_if_spoken(peer, self._serve)

    async def _play_after_hello(self, peer: Peer) -> None:
        server_name = None
        if await peer.tls.is_spoken():
            server_name = (await peer.tls.receive_hello()).server_name
            peer.tls.give_back_hello()
        client = Peer(peer.connection, peer.environment, peer.find)
        await self._play(client, self._arming.take_connection(server_name))
        peer.finished = True

    def _serve(self, client: Peer) -> Coroutine[Any, Any, None]:
        connection = _Connection(self._arming, client.connection.observer.server_name)
        return HTTP1.drive(client, connection.choose)


class _Connection:
    """One connection, whose first request decides about the fault."""

    def __init__(self, arming: Arming, server_name: str | None) -> None:
        self._arming = arming
        self._server_name = server_name
        self._fault: ArmedFault | None = None
        self._is_decided = False

    def choose(self, request: RequestHead | None) -> Encounter:
        assert request is not None  # http1 asks about requests
        if not self._is_decided:
            self._is_decided = True
            self._fault = self._arming.take_request(request, self._server_name)
        return unasked(request, self._fault)
