"""Techniques to reset a connection, one class each; a class can tell why it does not apply."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from netsplode.kernel.tcp import State
from netsplode.targets import Target
from netsplode.techniques.abort import Abort
from netsplode.techniques.close import (
    LINGER_ZERO as LINGER_ZERO,
    Close,
    reset_and_close as reset_and_close,
)
from netsplode.techniques.destroy import Destroy
from netsplode.techniques.rst import (
    DRIVER,
    KeepAlive,
    Rst,
    obstacle_in_handshake as obstacle_in_handshake,
    prove as prove,
)
from netsplode.techniques.technique import (
    Ends as Ends,
    Step as Step,
    Steps as Steps,
    Technique as Technique,
    Unproved as Unproved,
    in_thread as in_thread,
)

ABORT, CLOSE, DESTROY, KEEPALIVE = Abort(), Close(), Destroy(), KeepAlive()
RST, SCAPY = Rst("rst", DRIVER), Rst("scapy", "scapy")
TECHNIQUES: Sequence[Technique] = (ABORT, RST, DESTROY, KEEPALIVE, CLOSE, SCAPY)

# First come techniques that look like a real reset to the program and leave its descriptor open.
_OWN = (ABORT, RST, DESTROY, KEEPALIVE, CLOSE)
_OWN_ELSEWHERE = (CLOSE, RST)  # on other systems than Linux, where rst needs scapy
_OF_OTHERS = (ABORT, DESTROY, RST, KEEPALIVE)
_ORPHANED = (RST, DESTROY)  # the kernel destroys an orphan without an RST to its peer
_OVER = (DESTROY, RST)  # in TIME-WAIT there is no peer any more
_FORWARDED = (RST,)


def in_order(target: Target) -> Sequence[Technique]:
    """Return the techniques that "auto" tries, the best first."""
    if target.is_forwarded:
        return _FORWARDED
    if target.entry is not None and not target.entry.inode:
        return _OVER if target.entry.state is State.TIME_WAIT else _ORPHANED
    if target.sock is None:
        return _OF_OTHERS
    return _OWN if sys.platform == "linux" else _OWN_ELSEWHERE
