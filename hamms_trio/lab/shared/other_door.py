"""The door of the other origin: modes redirect there to see which secrets a client carries along."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from hamms_trio.canary import is_nonce
from hamms_trio.modes.drivers import HTTP1, over_tls_if_spoken
from hamms_trio.modes.elsewhere import OTHER_DOOR, report_arrival
from hamms_trio.modes.encounter import Encounter
from hamms_trio.modes.model.modifiers import NO_MODIFIERS, Modifiers
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.net.listening.port_kind import OPEN
from hamms_trio.wire import RequestHead


class OtherDoor:
    """The door that answers each request with the secrets that it brought."""

    name = OTHER_DOOR
    slug = ""
    offset = 44
    listens = True
    port_kind = OPEN
    summary = "The other origin: it says which secrets a redirected request brought."

    def play(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Serve one connection until it ends."""
        return over_tls_if_spoken(peer, lambda client: HTTP1.drive(client, _choose))


def _choose(request: RequestHead | None) -> Encounter:
    nonce = request.query.get("nonce", "") if request is not None else ""
    modifiers = Modifiers(nonce=nonce) if is_nonce(nonce) else NO_MODIFIERS
    return Encounter(OTHER_DOOR, report_arrival, {}, decides=True, modifiers=modifiers)
