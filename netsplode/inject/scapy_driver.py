"""The driver on scapy, for systems without raw packet sockets.

Importing it takes a third of a second. libpcap compiles the filter where it is installed; without it, this
driver reads every packet and drops those of other connections.
"""

from __future__ import annotations

import errno
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

from netsplode.inject.driver import Sender
from netsplode.inject.segment import Endpoint, Segment, decode, encode
from netsplode.privileges import missing_capability

if sys.platform == "linux":
    from netsplode.inject.linux import RawSender

_BATCH = 64  # packets received at a time from each interface


class ScapyDriver:
    """scapy's layer 3 socket to send segments, and its listening sockets to receive them.

    On Linux the segments leave by a raw socket, because scapy's would send those for an address of this
    host to the network.

    Args:
        first: one end.
        second: the other end.
        scope: the index of the interface of link-local IPv6 addresses.

    Raises:
        MissingCapability: this process may not sniff.
    """

    def __init__(self, first: Endpoint, second: Endpoint, *, scope: int = 0) -> None:
        self._allowed = {(first, second), (second, first)}
        try:
            with ExitStack() as opened:
                self._sniffers = []
                for interface in sorted(_interfaces(first, second, scope)):
                    sniffer = _open_sniffer(interface, first, second)
                    opened.callback(sniffer.close)
                    self._sniffers.append(sniffer)
                self._sender = _open_sender(first, second, scope)
                opened.pop_all()
        except PermissionError as error:
            raise missing_capability("scapy can't sniff or send here", "CAP_NET_RAW") from error

    @property
    def blocked(self) -> int:
        return self._sender.blocked

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
        self._sender.send(segment)

    def close(self) -> None:
        self._sender.close()
        for sniffer in self._sniffers:
            sniffer.close()


class _Layer3Sender:
    """scapy's layer 3 socket, which routes the segments itself."""

    def __init__(self, v4: bool, scope: int) -> None:
        self.blocked = 0
        self._layer = IP if v4 else IPv6
        self._scope = f"%{scope}" if scope else ""
        self._socket = conf.L3socket() if v4 else conf.L3socket6()

    def send(self, segment: Segment) -> None:
        packet = self._layer(encode(segment))
        if self._scope:
            packet.dst = segment.destination.host + self._scope
        try:
            self._socket.send(packet)
        except PermissionError:
            self.blocked += 1
        except OSError:  # repeated like a lost segment
            pass

    def close(self) -> None:
        self._socket.close()


def _open_sender(first: Endpoint, second: Endpoint, scope: int) -> Sender:
    if sys.platform == "linux":
        return RawSender(first, second, scope)
    return _Layer3Sender(len(first.address) == 4, scope)


def _interfaces(first: Endpoint, second: Endpoint, scope: int) -> set[str]:
    """Return the interfaces that lead to either end; loopback leads to an end on this host."""
    conf.ifaces.reload()
    if scope:
        return {str(conf.ifaces.dev_from_index(scope)), str(conf.loopback_name)}
    routes = conf.route if len(first.address) == 4 else conf.route6
    routes.resync()
    return {str(routes.route(end.host)[0]) for end in (first, second)}


def _open_sniffer(interface: str, first: Endpoint, second: Endpoint) -> SuperSocket:
    between = f"tcp and host {first.host} and host {second.host}"
    ports = f"port {first.port} and port {second.port}"
    try:
        return conf.L2listen(iface=interface, promisc=False, filter=f"{between} and {ports}")
    except Scapy_Exception:  # there is no libpcap to compile the filter
        return conf.L2listen(iface=interface, promisc=False)
    except ValueError as error:  # from select, which scapy calls first
        raise OSError(errno.EMFILE, "scapy can only use descriptors below 1024") from error


def _ip_packet(layer: Any, octets: bytes) -> bytes:
    if layer is Ether:
        return octets[14:]
    if layer in (IP, IPv6):
        return octets
    packet = layer(octets)
    inner = packet.getlayer(IP) or packet.getlayer(IPv6)
    return bytes(inner.original) if inner is not None else b""
