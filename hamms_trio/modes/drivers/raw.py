"""The driver of modes that act on octets, from the connect on."""

from __future__ import annotations

from hamms_trio.modes.encounter import Choose
from hamms_trio.modes.peer import Peer


class Raw:
    """One encounter for each connection, whatever the client sends or does not send."""

    name = "raw"
    acts = "as soon as a client connects"
    listens = True
    needs_port = "it acts before a request has arrived"

    async def drive(self, peer: Peer, choose: Choose) -> None:
        encounter = choose(None)
        peer.overhear()
        peer.meet(encounter)
        await encounter.act(peer, **encounter.arguments)
        await peer.finish()


RAW = Raw()
