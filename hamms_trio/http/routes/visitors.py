"""The host names and the pages through which browsers may use a server.

A browser sends requests to any address that a page names, so a page of any origin can have it POST something here.
And the name of the page's own server may change its address to one of this machine (DNS rebinding): then the page
may even read the answers. Neither concerns other programs, which send what their users want.
"""

from __future__ import annotations

from collections.abc import Iterable

from hamms_trio.errors import Forbidden
from hamms_trio.wire import RequestHead
from hamms_trio.wire.fields.hosts import authority_of, is_own_name, name_of
from hamms_trio.wire.http1.section import scan_for

MAX_KNOWN_HOSTS = 64  # values of Host that were accepted

_ORIGIN = scan_for("origin", "sec-fetch-site")
_OTHER_SITES = ("cross-site", "same-site")  # Fetch Metadata §2.3; a site has many origins


class AllowedHosts:
    """The names by which clients may call a server: addresses, localhost, names beneath it, and given ones.

    Args:
        names: the given ones; "*" stands for every name, which is for servers that no browser can reach.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower().rstrip(".") for name in names)
        self._known: set[str] = set()

    def check(self, host: str) -> None:
        """Refuse a Host that is none of these; without one (HTTP/1.0) the client is no browser.

        Raises:
            Forbidden: the host's name may be that of a page whose server lets it point here.
        """
        if not host or host in self._known:
            return
        if "*" not in self._names and not is_own_name(name_of(host), self._names):
            raise Forbidden(
                f"the Host {host[:80]!r} is no address and not localhost; --allow-host adds a name (* for all)"
            )
        if len(self._known) < MAX_KNOWN_HOSTS:
            self._known.add(host)


def check_origin(head: RequestHead) -> None:
    """Refuse a request that changes something if a page of another origin has made it.

    Raises:
        Forbidden: Origin is not this server's, or Sec-Fetch-Site says so.
    """
    fields = head.combined(_ORIGIN)
    origin, site = fields.get("origin"), fields.get("sec-fetch-site")
    if site in _OTHER_SITES or (
        origin is not None and authority_of(origin) != (head.host or "").lower()
    ):
        raise Forbidden(f"a page of another origin ({(origin or site or '')[:80]}) sent this")
