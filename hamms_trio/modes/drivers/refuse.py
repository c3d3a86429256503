"""The drivers of modes that no client ever reaches: their ports are held, and nothing is accepted there."""

from __future__ import annotations

from dataclasses import dataclass

from hamms_trio.modes.encounter import Choose
from hamms_trio.modes.peers.peer import Peer


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The kernel alone deals with each SYN, so that no client is ever met."""

    name: str
    acts: str
    needs_port: str

    @property
    def listens(self) -> bool:
        return False

    async def drive(self, peer: Peer, choose: Choose) -> None:
        raise AssertionError("a door that does not listen has no clients")


REFUSE = Unreachable("refuse", "never: nothing listens", "nothing listens on it")
BLACKHOLE = Unreachable("blackhole", "never: no SYN is answered", "it answers no SYN")
