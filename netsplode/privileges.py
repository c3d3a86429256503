"""Find out what this process may do here, and the remedy for each thing that it may not."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec

from netsplode.errors import MissingCapability
from netsplode.kernel.processes import effective_capabilities

if sys.platform == "linux":
    from netsplode.kernel.linux import may_repair, may_send_raw

_BITS = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_PTRACE": 19}  # linux/capability.h
_REMEDIES = {
    "CAP_NET_ADMIN": "run as root, give python CAP_NET_ADMIN (setcap cap_net_admin+ep on its file), "
    "or run everything in `unshare -rn`, where it may do this to connections made inside",
    "CAP_NET_RAW": "run as root, give python CAP_NET_RAW (setcap cap_net_raw+ep on its file), "
    "or run everything in `unshare -rn`, where it may do this to connections made inside",
    "CAP_SYS_PTRACE": "run as the user of that process or as root, or give python CAP_SYS_PTRACE",
}


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that netsplode can do, and whether this process may do it here.

    ``name`` begins with the technique. ``missing`` names the Linux capability that is missing, if one is;
    ``hint`` is the reason or the remedy.
    """

    name: str
    ok: bool
    missing: frozenset[str] = frozenset()
    hint: str = ""


def capabilities() -> list[Capability]:
    """List what this process may do here, technique by technique."""
    linux, scapy = sys.platform == "linux", find_spec("scapy") is not None
    no_linux = "" if linux else "it needs Linux; close works everywhere"
    no_scapy = "" if scapy else "install scapy"
    injects = no_linux if linux else no_scapy
    return [
        _one("abort: connections of this process", no_linux),
        _one("abort: connections of this user's other processes", no_linux),
        _one("abort: connections of other users' processes", no_linux, "CAP_SYS_PTRACE"),
        _one("rst: any connection that passes here", injects, "CAP_NET_RAW"),
        _one("keepalive: connections that abort may reach", no_linux, "CAP_NET_RAW"),
        _one("destroy: connections that end here", no_linux, "CAP_NET_ADMIN"),
        _one("close: connections of this process", ""),
        _one("scapy: any connection that passes here", no_scapy, "CAP_NET_RAW"),
        _one("find: connections that end here", no_linux),
    ]


def missing_capability(problem: str, capability: str) -> MissingCapability:
    """Make the error for a missing Linux capability, with its remedy."""
    return MissingCapability(problem, {capability}, _REMEDIES[capability])


def has_capability(name: str) -> bool:
    """Return True if this thread has a Linux capability in effect over its network namespace.

    Root of a new user namespace has every capability, but none over a network that belongs to another one.
    """
    if sys.platform != "linux" or not effective_capabilities() >> _BITS[name] & 1:
        return False
    permits = {"CAP_NET_RAW": may_send_raw, "CAP_NET_ADMIN": may_repair}.get(name)
    return permits is None or permits()


def _one(name: str, obstacle: str, takes: str = "") -> Capability:
    if obstacle:
        return Capability(name, False, hint=obstacle)
    if not takes or has_capability(takes):
        return Capability(name, True)
    if sys.platform != "linux":
        return Capability(name, True, hint="as root, or as administrator with Npcap on Windows")
    return Capability(name, False, frozenset((takes,)), _REMEDIES[takes])
