"""What this process may do here, and for each thing it may not, what to do about it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from netsplode.kernel.processes import effective_capabilities

_NET_ADMIN, _SYS_PTRACE = 12, 19  # linux/capability.h


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing, whether it may be done, and if not, the remedy."""

    name: str
    ok: bool
    hint: str = ""


def capabilities() -> list[Capability]:
    """What may be done: connections of this process, of other processes, and by destroying sockets."""
    linux = sys.platform == "linux"
    has = effective_capabilities() if linux else 0
    abort = "" if linux else "needs Linux; technique 'close' resets what this process holds"
    return [
        _one("abort: connections this process holds", linux, abort),
        _one("close: connections this process holds", True, ""),
        _one("find: connections of this network namespace", linux, "needs Linux"),
        _one("abort: connections of this user's processes", linux, "needs Linux"),
        _one(
            "abort: connections of other users' processes",
            linux and bool(has >> _SYS_PTRACE & 1),
            "run as root, or give python CAP_SYS_PTRACE with setcap",
        ),
        _one(
            "destroy: any connection of this network namespace",
            linux and bool(has >> _NET_ADMIN & 1),
            "run as root, give python CAP_NET_ADMIN with setcap, or run in `unshare -rn`",
        ),
    ]


def _one(name: str, ok: bool, hint: str) -> Capability:
    return Capability(name, ok, "" if ok else hint)
