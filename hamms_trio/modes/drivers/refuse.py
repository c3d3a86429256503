"""The drivers of modes that no client ever reaches: their ports are bound, and accept no connection."""

from __future__ import annotations

from dataclasses import dataclass

from hamms_trio.modes.encounter import Choose
from hamms_trio.modes.peers.peer import Peer


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The driver of a port at which the kernel alone handles each SYN."""

    name: str
    acts: str
    needs_port: str

    @property
    def listens(self) -> bool:
        return False

    async def drive(self, peer: Peer, choose: Choose) -> None:
        raise AssertionError("a door that does not listen has no clients")


REFUSE = Unreachable("refuse", "on no client: nothing listens", "nothing listens on it")
BLACKHOLE = Unreachable("blackhole", "on no client: no SYN is answered", "it answers no SYN")
