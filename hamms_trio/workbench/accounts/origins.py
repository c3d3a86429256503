"""Cross-origin requests: pages of other origins must not change anything here.

A browser attaches Origin or Sec-Fetch-Site to the requests of a page. Programs attach neither, and this check does
not concern them. If an attacker's DNS points a name at this machine, the attacker's page is same-origin. The Host
field therefore has to name this server, too (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

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
    if origin is not None and _authority(origin) != host.lower():
        raise Problem(403, "forbidden_origin", f"a page of {origin[:80]} sent this to {host[:80]}")
    if not _is_ours(host, names):
        rule = "a page may use this server as localhost, by its IP address, or by a name from --allow-host"
        raise Problem(403, "forbidden_host", f"{rule}, not as {host[:80]}")


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_ours(host: str, names: Collection[str]) -> bool:
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name in names or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
