"""The check of callers: a call has to be meant for this machine, and no page of another origin may make it.

A page on the internet can have its own name resolve to 127.0.0.1 (DNS rebinding). Its browser then takes our
answers for that page's own. But the name stays in the Host field, so names that are not ours are refused.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address

from hamms_trio.errors import NotOurs
from hamms_trio.lab.shared.control import ControlCall

LOCALHOST = "localhost"
_OWN_PAGES = {None, "same-origin", "none"}  # of Sec-Fetch-Site; "none" is a user's own navigation


def check_caller(call: ControlCall, allowed_hosts: Collection[str] = ()) -> None:
    """Refuse a call by a name that is not ours, or from a page of another origin.

    Args:
        allowed_hosts: names beside IP addresses, localhost and those beneath it.

    Raises:
        NotOurs: the call must be refused.
    """
    authority = call.authority or ""
    # Without a Host (HTTP/1.0) the client is no browser.
    if authority and not is_our_name(host_of(authority), allowed_hosts):
        raise NotOurs(
            f"the API is not found at {authority[:80]!r}: use an IP address or localhost, or start the server "
            "with --allow-host NAME"
        )
    if call.origin is not None and call.origin.partition("://")[2].lower() != authority.lower():
        raise NotOurs(f"pages of {call.origin[:80]!r} may not use the API")
    if call.fetch_site not in _OWN_PAGES:
        raise NotOurs("pages of another origin may not use the API (Sec-Fetch-Site)")


def is_our_name(host: str, allowed_hosts: Collection[str] = ()) -> bool:
    """Return True for IP addresses, localhost, names beneath it, and allowed ones."""
    host = host.lower().rstrip(".")
    if host == LOCALHOST or host.endswith("." + LOCALHOST) or host in allowed_hosts:
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def host_of(authority: str) -> str:
    """Return the host of ``host:port``; an IPv6 address keeps its brackets."""
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]
