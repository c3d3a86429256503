"""Names of hosts in Host and Origin, and whether a browser may call a server on this machine by one of them.

A page on the internet can have its own name resolve to an address of this machine (DNS rebinding). Its browser then
takes our answers for that page's own, but still sends that name in Host. So a server refuses every name that is
not one of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit


def name_of(host: str) -> str:
    """Return the host of a Host field in lower case, an IPv6 address without brackets; "" for a malformed field."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def authority_of(origin: str) -> str:
    """Return the authority of a serialized origin, or "" of the origin ``null``."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def is_own_name(name: str, allowed: Collection[str] = ()) -> bool:
    """Return True for IP addresses, localhost, names beneath it, and allowed ones."""
    if name in allowed or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
