"""The driver of modes that act on octets, from the beginning of a connection."""

from __future__ import annotations

from hamms_trio.modes.drivers.http1 import HTTP1
from hamms_trio.modes.encounter import Choose, Encounter
from hamms_trio.modes.healthy import healthily
from hamms_trio.modes.peers.peer import Peer


class Raw:
    """One encounter for each connection, whatever the client sends or does not send."""

    name = "raw"
    acts = "as soon as a client connects"
    listens = True
    needs_port = "it acts before a request has arrived"

    async def drive(self, peer: Peer, choose: Choose) -> None:
        encounter = choose(None)
        if peer.meet(encounter):
            peer.overhear()
            await encounter.act(peer, **encounter.arguments)
            peer.note_played()
            await peer.finish()
        else:
            await serve_healthily(peer)


async def serve_healthily(peer: Peer, encounter: Encounter | None = None) -> None:
    """Serve the client like a healthy server, in place of its encounter or of ``encounter``."""
    await HTTP1.drive(peer, healthily(encounter or peer.encounter))


RAW = Raw()
