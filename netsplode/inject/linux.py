"""Raw sockets: needs Linux, CAP_NET_RAW and nothing else."""

from __future__ import annotations

import ctypes
import os
import select
import socket
import struct
import sys
from contextlib import ExitStack

from netsplode.errors import MissingCapability
from netsplode.inject.segment import TCP, Endpoint, Segment, decode, encode

if sys.platform != "linux":  # pragma: no cover
    raise ImportError("raw packet sockets are a thing of Linux")

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_ETH_P_ALL = 3  # linux/if_ether.h
_IPV6_HDRINCL = 36  # linux/in6.h
_SNAP = 120  # octets: the longest IPv4 header and the longest TCP header
_BATCH = 128  # packets taken at a time

# Classic BPF, linux/filter.h.
_LOAD = {1: 0x30, 2: 0x28, 4: 0x20}
_LOAD_INDEXED = {1: 0x50, 2: 0x48, 4: 0x40}
_INDEX_IS_IPV4_HEADER = 0xB1
_JUMP_IF_EQUAL = 0x15
_JUMP_IF_ANY = 0x45
_RETURN = 0x06

Instruction = tuple[int, int, int, int]


def connection_filter(first: Endpoint, second: Endpoint) -> list[Instruction]:
    """The program that lets through TCP between the two, either way, from the IP header on."""
    accept = [(_RETURN, 0, 0, _SNAP)]
    refuse = [(_RETURN, 0, 0, 0)]
    either = _if_between(first, second) + accept
    other = _if_between(second, first) + accept
    program = _if_first_fragment_of_tcp(first.family)
    return _link(program, either, other, refuse)


def _if_first_fragment_of_tcp(family: int) -> list[Instruction]:
    """Each test that fails jumps by 255, which `_link` puts right."""
    if family == socket.AF_INET:
        return [
            (_LOAD[1], 0, 0, 0),
            (_JUMP_IF_ANY, 0, 255, 0x40),
            (_LOAD[1], 0, 0, 9),
            (_JUMP_IF_EQUAL, 0, 255, TCP),
            (_LOAD[2], 0, 0, 6),
            (_JUMP_IF_ANY, 255, 0, 0x1FFF),
            (_INDEX_IS_IPV4_HEADER, 0, 0, 0),
        ]
    return [
        (_LOAD[1], 0, 0, 0),
        (_JUMP_IF_ANY, 0, 255, 0x60),
        (_LOAD[1], 0, 0, 6),
        (_JUMP_IF_EQUAL, 0, 255, TCP),
    ]


def _if_between(source: Endpoint, destination: Endpoint) -> list[Instruction]:
    program: list[Instruction] = []
    v4 = source.family == socket.AF_INET
    addresses = source.address + destination.address
    for at in range(0, len(addresses), 4):
        program.append((_LOAD[4], 0, 0, (12 if v4 else 8) + at))
        word = int.from_bytes(addresses[at : at + 4], "big")
        program.append((_JUMP_IF_EQUAL, 0, 255, word))
    for at, port in ((0, source.port), (2, destination.port)):
        program.append((_LOAD_INDEXED[2], 0, 0, at) if v4 else (_LOAD[2], 0, 0, 40 + at))
        program.append((_JUMP_IF_EQUAL, 0, 255, port))
    return program


def _link(
    common: list[Instruction],
    either: list[Instruction],
    other: list[Instruction],
    refuse: list[Instruction],
) -> list[Instruction]:
    """One program: what fails in ``either`` goes on at ``other``, all else at ``refuse``."""
    after_either = len(common) + len(either)
    end = after_either + len(other)
    program = common + either + other + refuse
    linked: list[Instruction] = []
    for at, (code, true, false, k) in enumerate(program):
        target = after_either if len(common) <= at < after_either else end
        skip = target - at - 1
        linked.append((code, skip if true == 255 else true, skip if false == 255 else false, k))
    return linked


class LinuxDriver:
    """An IPPROTO_RAW socket to send, a filtered AF_PACKET socket to see.

    Args:
        scope: the interface's index for link-local IPv6 addresses.

    Raises:
        MissingCapability: this process has no CAP_NET_RAW.
    """

    def __init__(self, first: Endpoint, second: Endpoint, *, scope: int = 0) -> None:
        self.blocked = 0
        self._scope = scope
        self._allowed = {(first, second), (second, first)}
        try:
            with ExitStack() as opened:
                self._sniffer = opened.enter_context(_open_sniffer(first, second))
                self._sender = opened.enter_context(_open_sender(first.family))
                opened.pop_all()
        except PermissionError as error:
            raise MissingCapability(
                "a RST cannot be injected without raw sockets",
                {"CAP_NET_RAW"},
                "run as root, grant it with `setcap cap_net_raw+ep` to the interpreter, "
                "or run the whole under `unshare -rn` for connections within it",
            ) from error

    def filenos(self) -> tuple[int, ...]:
        return (self._sniffer.fileno(),)

    def wait(self, seconds: float) -> None:
        poll = select.poll()  # select.select refuses descriptors from 1024 on
        poll.register(self._sniffer, select.POLLIN)
        poll.poll(seconds * 1000)

    def receive(self) -> list[Segment]:
        seen: list[Segment] = []
        for _ in range(_BATCH):
            try:
                packet = self._sniffer.recv(_SNAP)
            except BlockingIOError:
                break
            except OSError:  # ENETDOWN: an interface went down; told once
                continue
            segment = decode(packet)
            if segment is not None:
                seen.append(segment)
        return seen

    def send(self, segment: Segment) -> None:
        assert (segment.source, segment.destination) in self._allowed
        to: tuple[str | int, ...] = segment.destination.host, 0
        if segment.destination.family == socket.AF_INET6:
            to = (*to, 0, self._scope)
        try:
            self._sender.sendto(encode(segment), to)
        except PermissionError:  # netfilter's answer to a packet that its rules drop
            self.blocked += 1
        except OSError:  # no route, no buffer: as good as lost on the way, and repeated like it
            pass

    def close(self) -> None:
        self._sender.close()
        self._sniffer.close()


def _open_sender(family: int) -> socket.socket:
    sender = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    if family == socket.AF_INET6:
        sender.setsockopt(socket.IPPROTO_IPV6, _IPV6_HDRINCL, 1)
    sender.setblocking(False)
    return sender


def _open_sniffer(first: Endpoint, second: Endpoint) -> socket.socket:
    """Filter first, then bind: protocol 0 receives nothing until then, so nothing comes unfiltered."""
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    try:
        program = connection_filter(first, second)
        octets = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
        kept = ctypes.create_string_buffer(octets)
        fprog = struct.pack("HL", len(program), ctypes.addressof(kept))
        sniffer.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
        _bind_to_all_interfaces(sniffer)
        sniffer.setblocking(False)
    except BaseException:
        sniffer.close()
        raise
    return sniffer


def _bind_to_all_interfaces(sniffer: socket.socket) -> None:
    """`socket.bind` wants the name of an interface; interface 0 is all of them, packet(7)."""
    address = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0, 0, 0, 0, b"")
    if ctypes.CDLL(None, use_errno=True).bind(sniffer.fileno(), address, len(address)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
