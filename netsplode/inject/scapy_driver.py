"""The same on scapy, for where there are no raw packet sockets; imports scapy, which takes a third of a second.

Filters are libpcap's where it is installed. Elsewhere everything is read and sorted out here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from scapy.config import conf
from scapy.error import Scapy_Exception
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.supersocket import SuperSocket

from netsplode.errors import MissingCapability
from netsplode.inject.segment import Endpoint, Segment, decode, encode

_BATCH = 64  # packets taken at a time from each interface


class ScapyDriver:
    """scapy's layer 3 socket to send, its listening sockets to see.

    Raises:
        MissingCapability: this process may not sniff.
    """

    def __init__(self, first: Endpoint, second: Endpoint, *, scope: int = 0) -> None:
        self.blocked = 0
        self._allowed = {(first, second), (second, first)}
        try:
            with ExitStack() as opened:
                self._sniffers = []
                for interface in sorted(_interfaces(first, second)):
                    sniffer = _open_sniffer(interface, first, second)
                    opened.callback(sniffer.close)
                    self._sniffers.append(sniffer)
                self._sender = _open_sender(len(first.address) == 4)
                opened.pop_all()
        except PermissionError as error:
            raise MissingCapability(
                "scapy cannot sniff or send here",
                {"CAP_NET_RAW"},
                "run as root (Windows: as administrator, with Npcap installed)",
            ) from error

    def filenos(self) -> tuple[int, ...]:
        return tuple(sniffer.fileno() for sniffer in self._sniffers)

    def wait(self, seconds: float) -> None:
        self._sniffers[0].select(self._sniffers, seconds)

    def receive(self) -> list[Segment]:
        return [
            segment
            for segment in map(decode, self._packets())
            if segment is not None and (segment.source, segment.destination) in self._allowed
        ]

    def _packets(self) -> Iterator[bytes]:
        for sniffer in self._sniffers:
            for _ in range(_BATCH):
                if not sniffer.select([sniffer], 0):
                    break
                layer, octets, _ = sniffer.recv_raw()
                if octets:
                    yield _ip_packet(layer, octets)

    def send(self, segment: Segment) -> None:
        assert (segment.source, segment.destination) in self._allowed
        layer = IP if len(segment.source.address) == 4 else IPv6
        try:
            self._sender.send(layer(encode(segment)))
        except PermissionError:
            self.blocked += 1
        except OSError:  # as good as lost on the way, and repeated like it
            pass

    def close(self) -> None:
        self._sender.close()
        for sniffer in self._sniffers:
            sniffer.close()


def _interfaces(first: Endpoint, second: Endpoint) -> set[str]:
    """Those that lead to either end; for one on this host that is the loopback interface."""
    conf.ifaces.reload()
    routes = conf.route if len(first.address) == 4 else conf.route6
    routes.resync()
    return {str(routes.route(end.host)[0]) for end in (first, second)}


def _open_sniffer(interface: str, first: Endpoint, second: Endpoint) -> SuperSocket:
    between = f"tcp and host {first.host} and host {second.host}"
    ports = f"port {first.port} and port {second.port}"
    try:
        return conf.L2listen(iface=interface, promisc=False, filter=f"{between} and {ports}")
    except Scapy_Exception:  # no libpcap to compile it
        return conf.L2listen(iface=interface, promisc=False)


def _open_sender(v4: bool) -> SuperSocket:
    """On Linux the one over raw sockets: the kernel finds the way, to its own addresses too."""
    if sys.platform == "linux":
        from scapy.supersocket import L3RawSocket, L3RawSocket6

        raw = L3RawSocket() if v4 else L3RawSocket6()
        raw.ins.close()  # it would collect every packet of the host, and only sends here
        return raw
    return conf.L3socket() if v4 else conf.L3socket6()


def _ip_packet(layer: Any, octets: bytes) -> bytes:
    if layer is Ether:
        return octets[14:]
    if layer in (IP, IPv6):
        return octets
    packet = layer(octets)
    inner = packet.getlayer(IP) or packet.getlayer(IPv6)
    return bytes(inner.original) if inner is not None else b""
