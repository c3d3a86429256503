"""The check of callers: a call has to be meant for this machine, and no page of another origin may make it.

`hamms_trio.wire.fields.hosts` says why the name in Host counts.
"""

from __future__ import annotations

from collections.abc import Collection

from hamms_trio.errors import NotOurs
from hamms_trio.lab.shared.control import ControlCall
from hamms_trio.wire.fields.hosts import authority_of, is_own_name, name_of

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
    if authority and not is_own_name(name_of(authority), allowed_hosts):
        raise NotOurs(
            f"the API is not found at {authority[:80]!r}: use an IP address or localhost, or start the server "
            "with --allow-host NAME"
        )
    if call.origin is not None and authority_of(call.origin) != authority.lower():
        raise NotOurs(f"pages of {call.origin[:80]!r} may not use the API")
    if call.fetch_site not in _OWN_PAGES:
        raise NotOurs("pages of another origin may not use the API (Sec-Fetch-Site)")
