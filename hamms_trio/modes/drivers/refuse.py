"""The driver of modes whose port is held although nothing listens on it."""

from __future__ import annotations

from hamms_trio.modes.encounter import Choose
from hamms_trio.modes.peer import Peer


class Refuse:
    """The kernel answers each SYN with RST, so that no client is ever met."""

    name = "refuse"
    acts = "never: nothing listens"
    listens = False
    needs_port = "nothing listens on it"

    async def drive(self, peer: Peer, choose: Choose) -> None:
        raise AssertionError("a door that does not listen has no clients")


REFUSE = Refuse()
