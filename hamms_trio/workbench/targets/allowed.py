"""The allow-list: the addresses at which targets may be.

A name says nothing about where it leads: its owner can answer differently each time the DNS is asked. So the list
decides about each address that a name has just resolved to, and the connection goes to that address.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from hamms_trio.workbench.targets.failing import not_allowed

REMEDY = "is not on the allow-list: loopback addresses are, and what --allow-target names"
NEVER = "is no address of a service, and only a network that --allow-target names can allow it"

Network = IPv4Network | IPv6Network


class AllowedTargets:
    """Loopback addresses, and what the user names.

    Args:
        entries: host names, addresses, and networks such as ``10.1.0.0/16``. A host name allows the addresses that
            it resolves to, except link-local, multicast and unspecified ones: cloud machines find their
            credentials at a link-local address.

    Raises:
        ValueError: an entry is none of these.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._names: set[str] = set()
        self._networks: list[Network] = []
        for entry in entries:
            self._add(entry)

    def check(self, host: str, address: str) -> None:
        """Refuse an address.

        Args:
            host: the name, or the address, that the target's URL has.

        Raises:
            Problem: 403, with the address.
        """
        found = _plain(address)
        if found.is_loopback or any(found in network for network in self._networks):
            return
        if host.lower().rstrip(".") not in self._names:
            raise not_allowed(host, address, REMEDY)
        if found.is_link_local or found.is_multicast or found.is_unspecified or found.is_reserved:
            raise not_allowed(host, address, NEVER)

    def _add(self, entry: str) -> None:
        try:
            self._networks.append(ip_network(entry.strip("[]")))
            return
        except ValueError:
            pass
        if not entry or any(mark in entry for mark in "/:@ ") or not entry.isascii():
            raise ValueError(
                f"{entry!r} is neither a host name nor an address nor a network such as 10.1.0.0/16"
            )
        self._names.add(entry.lower().rstrip("."))


def _plain(address: str) -> IPv4Address | IPv6Address:
    """Read an address; one of IPv4 may be written as one of IPv6, and leads to the same place."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
