"""The allow-list: the addresses that targets may have.

A host name guarantees nothing: its owner can answer each DNS query differently. The list therefore checks every
address at the moment when a name has resolved to it, and the connection goes to that address.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from hamms_trio.workbench.targets.failing import not_allowed

REMEDY = "is not on the allow-list: loopback addresses are, and entries of --allow-target"
NEVER = "is not an address of services: only a network in --allow-target can allow it"

Network = IPv4Network | IPv6Network


class AllowedTargets:
    """The allowed addresses: loopback, and the entries of the user.

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
    """Parse an address; an IPv4-mapped IPv6 address becomes the IPv4 address that it leads to."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
