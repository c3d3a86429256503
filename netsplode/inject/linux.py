"""The driver on raw sockets, which needs Linux and CAP_NET_RAW, and no package."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket
import struct
import sys
from contextlib import ExitStack

from netsplode.inject.packet_filter import assemble, of_connection, seen_once
from netsplode.inject.segment import Endpoint, Segment, decode, encode
from netsplode.privileges import missing_capability

if sys.platform != "linux":  # pragma: no cover
    raise ImportError("only Linux has raw packet sockets")

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_ETH_P_ALL = 3  # linux/if_ether.h
_IPV6_HDRINCL = 36  # linux/in6.h
_BATCH = 128  # packets received at a time, since they may arrive as fast as they are read
_HEADERS = 80  # octets: the longest IPv4 header and TCP's without options
_ROOM = 4096  # octets of receive queue, which the kernel doubles: ten packets or so


class LinuxDriver:
    """A raw socket to send segments, and a filtered packet socket to receive them.

    Args:
        first: one end.
        second: the other end.
        scope: the index of the interface of link-local IPv6 addresses.

    Raises:
        MissingCapability: this process has no CAP_NET_RAW.
    """

    def __init__(self, first: Endpoint, second: Endpoint, *, scope: int = 0) -> None:
        try:
            with ExitStack() as opened:
                self._sniffer = opened.enter_context(_open_sniffer(first, second, scope))
                self._sender = RawSender(first, second, scope)
                opened.pop_all()
        except PermissionError as error:
            raise missing_capability(
                "an RST can't be injected without raw sockets", "CAP_NET_RAW"
            ) from error

    @property
    def blocked(self) -> int:
        return self._sender.blocked

    def filenos(self) -> tuple[int, ...]:
        return (self._sniffer.fileno(),)

    def wait(self, seconds: float) -> None:
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self._sniffer.fileno(), select.POLLIN)
            poll.poll(seconds * 1000)
        else:
            _select(self._sniffer.fileno(), seconds)

    def receive(self) -> list[Segment]:
        seen: list[Segment] = []
        for _ in range(_BATCH):
            try:
                packet = self._sniffer.recv(_HEADERS)
            except BlockingIOError:
                break
            except OSError:  # ENETDOWN, once, after an interface went down
                continue
            segment = decode(packet)
            if segment is not None:
                seen.append(segment)
        return seen

    def send(self, segment: Segment) -> None:
        self._sender.send(segment)

    def close(self) -> None:
        self._sender.close()
        self._sniffer.close()


class RawSender:
    """A raw socket for segments between two ends; the kernel routes them, to its own addresses too."""

    def __init__(self, first: Endpoint, second: Endpoint, scope: int) -> None:
        self.blocked = 0
        self._allowed = {(first, second), (second, first)}
        self._to: dict[Endpoint, tuple[str | int, ...]] = {
            end: (end.host, 0) if first.family == socket.AF_INET else (end.host, 0, 0, scope)
            for end in (first, second)
        }
        self._socket = socket.socket(first.family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        if first.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_HDRINCL, 1)
        self._socket.setblocking(False)

    def send(self, segment: Segment) -> None:
        assert (segment.source, segment.destination) in self._allowed
        try:
            self._socket.sendto(encode(segment), self._to[segment.destination])
        except PermissionError:  # netfilter dropped the packet
            self.blocked += 1
        except OSError:  # no route or no buffer; repeated like a lost segment
            pass

    def close(self) -> None:
        self._socket.close()


def _select(descriptor: int, seconds: float) -> None:
    """Wait where there is no poll: eventlet's monkey patch deletes it, and leaves a select for green threads."""
    try:
        select.select([descriptor], [], [], seconds)
    except ValueError as error:  # the descriptor is 1024 or more
        raise OSError(errno.EMFILE, "select can only use descriptors below 1024") from error


def _open_sniffer(first: Endpoint, second: Endpoint, scope: int) -> socket.socket:
    """Attach the filter before the bind; until then protocol 0 receives nothing, so no packet is unfiltered."""
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    try:
        program = assemble(*seen_once(scope), *of_connection(first, second))
        kept = ctypes.create_string_buffer(program)
        fprog = struct.pack("HL", len(program) // 8, ctypes.addressof(kept))
        sniffer.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
        sniffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        _bind_to_all_interfaces(sniffer)
        sniffer.setblocking(False)
    except BaseException:  # raised again; even an interrupt leaves no socket open
        sniffer.close()
        raise
    return sniffer


def _bind_to_all_interfaces(sniffer: socket.socket) -> None:
    """Bind to interface 0, which stands for all (packet(7)); `socket.bind` only takes the name of one."""
    address = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0, 0, 0, 0, b"")
    if ctypes.CDLL(None, use_errno=True).bind(sniffer.fileno(), address, len(address)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
