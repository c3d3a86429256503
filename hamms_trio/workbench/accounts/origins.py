"""Cross-origin requests: pages of other origins must not change anything here.

A browser attaches Origin or Sec-Fetch-Site to the requests of a page. Programs attach neither, and this check does
not concern them. If an attacker's DNS points a name at this machine, the attacker's page is same-origin. The Host
field therefore has to name this server, too (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Collection

from hamms_trio.wire.fields.hosts import authority_of, is_own_name, name_of
from hamms_trio.workbench.routing.problems import Problem


def check_origin(
    host: str, origin: str | None, fetch_site: str | None, names: Collection[str] = ()
) -> None:
    """Refuse a state-changing request that a page of another origin sends.

    Args:
        host: the Host field.
        origin, fetch_site: the Origin and Sec-Fetch-Site fields.
        names: host names of this server beside localhost.

    Raises:
        Problem: 403.
    """
    if origin is None and fetch_site is None:
        return
    if fetch_site in ("cross-site", "same-site"):
        raise Problem(403, "forbidden_origin", f"a page of another origin ({fetch_site}) sent this")
    if origin is not None and authority_of(origin) != host.lower():
        raise Problem(403, "forbidden_origin", f"a page of {origin[:80]} sent this to {host[:80]}")
    if not is_own_name(name_of(host), names):
        rule = "a page may use this server as localhost, by its IP address, or by a name from --allow-host"
        raise Problem(403, "forbidden_host", f"{rule}, not as {host[:80]}")
