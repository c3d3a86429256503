"""The classic BPF program that picks one connection's segments out of a host's traffic, as Linux runs it.

Why this is hard: on a connection at full speed a RST is exact for some microseconds only, and a segment that was
seen a millisecond ago is useless. So no packet may wait in the queue that teaches nothing: neither our own
segments, nor the second copy of each packet on the loopback interface. The filter also cuts each packet down to
its headers, so that all packets take the same little room and a short queue holds few.

Offsets begin at the IP header, where a packet socket of SOCK_DGRAM begins. See linux/filter.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from socket import AF_INET
from typing import NamedTuple

from netsplode.inject.forged import OUR_WINDOW
from netsplode.inject.segment import TCP, TCP_HEADER, Endpoint, Flags

_LOAD = {1: 0x30, 2: 0x28, 4: 0x20}
_LOAD_FROM_X = {1: 0x50, 2: 0x48}
_X, _X_IPV4_HEADER_LENGTH, _X_FROM_A, _A_FROM_X = 0x01, 0xB1, 0x07, 0x87
_ADD, _ADD_X, _SUBTRACT_X, _AND, _SHIFT_RIGHT = 0x04, 0x0C, 0x1C, 0x54, 0x74
_IF_EQUAL, _IF_ANY_BIT = 0x15, 0x45
_RETURN, _RETURN_A = 0x06, 0x16

_ANCILLARY = (1 << 32) - 0x1000  # SKF_AD_OFF
_PACKET_TYPE, _INTERFACE = _ANCILLARY + 4, _ANCILLARY + 8
_OUTGOING = 4  # linux/if_packet.h
_IPV6_HEADER = 40  # octets
_LOOPBACK = 1  # this interface's index, in every network namespace


class Line(NamedTuple):
    """One instruction; ``true`` and ``false`` are labels of later lines, and an empty one means the next line."""

    code: int
    k: int = 0
    true: str = ""
    false: str = ""
    label: str = ""


def assemble(*lines: Line) -> bytes:
    """Assemble the program as an array of ``struct sock_filter``."""
    labelled = {line.label: at for at, line in enumerate(lines) if line.label}

    def skip(label: str, at: int) -> int:
        return labelled[label] - at - 1 if label else 0

    return b"".join(
        struct.pack("=HBBI", line.code, skip(line.true, at), skip(line.false, at), line.k)
        for at, line in enumerate(lines)
    )


def seen_once(scope: int) -> Iterator[Line]:
    """Refuse the second copy of a packet on loopback, and packets of links other than ``scope`` (0: any)."""
    yield Line(_LOAD[4], _INTERFACE)
    yield Line(_IF_EQUAL, _LOOPBACK, false="elsewhere")
    yield Line(_LOAD[4], _PACKET_TYPE)
    yield Line(_IF_EQUAL, _OUTGOING, true="packet", false="refuse")
    yield Line(_IF_EQUAL, scope, false="refuse" if scope else "packet", label="elsewhere")


def of_connection(first: Endpoint, second: Endpoint) -> Iterator[Line]:
    """Accept the headers of genuine segments between the two ends, in both directions."""
    v4 = first.family == AF_INET
    yield from _first_fragment_of_tcp_ipv4() if v4 else _tcp_ipv6()
    yield from _between(first, second, otherwise="other way")
    yield from _between(second, first, otherwise="refuse", label="other way")
    yield from _not_ours(v4)
    yield _x_is_where_tcp_begins(v4, label="accept")
    yield Line(_A_FROM_X)
    yield Line(_ADD, TCP_HEADER)
    yield Line(_RETURN_A)
    yield Line(_RETURN, 0, label="refuse")


def _first_fragment_of_tcp_ipv4() -> Iterator[Line]:
    yield Line(_LOAD[1], 0, label="packet")
    yield Line(_IF_ANY_BIT, 0x40, false="refuse")
    yield Line(_LOAD[1], 9)
    yield Line(_IF_EQUAL, TCP, false="refuse")
    yield Line(_LOAD[2], 6)
    yield Line(_IF_ANY_BIT, 0x1FFF, true="refuse")
    yield _x_is_where_tcp_begins(v4=True)


def _tcp_ipv6() -> Iterator[Line]:
    yield Line(_LOAD[1], 0, label="packet")
    yield Line(_IF_ANY_BIT, 0x60, false="refuse")
    yield Line(_LOAD[1], 6)
    yield Line(_IF_EQUAL, TCP, false="refuse")
    yield _x_is_where_tcp_begins(v4=False)


def _x_is_where_tcp_begins(v4: bool, label: str = "") -> Line:
    return Line(_X_IPV4_HEADER_LENGTH if v4 else _X, 0 if v4 else _IPV6_HEADER, label=label)


def _between(
    source: Endpoint, destination: Endpoint, *, otherwise: str, label: str = ""
) -> Iterator[Line]:
    at = 12 if source.family == AF_INET else 8
    addresses = struct.iter_unpack("!I", source.address + destination.address)
    for offset, (word,) in enumerate(addresses):
        yield Line(_LOAD[4], at + 4 * offset, label="" if offset else label)
        yield Line(_IF_EQUAL, word, false=otherwise)
    yield Line(_LOAD_FROM_X[2], 0)
    yield Line(_IF_EQUAL, source.port, false=otherwise)
    yield Line(_LOAD_FROM_X[2], 2)
    yield Line(_IF_EQUAL, destination.port, true="segment", false=otherwise)


def _not_ours(v4: bool) -> Iterator[Line]:
    """Refuse our own segments, by the same rule as `forged.is_ours`."""
    yield Line(_LOAD_FROM_X[2], 14, label="segment")
    yield Line(_IF_EQUAL, OUR_WINDOW, false="accept")
    # The length of the payload is that of the packet without headers.
    yield Line(_LOAD_FROM_X[1], 12)
    yield Line(_AND, 0xF0)
    yield Line(_SHIFT_RIGHT, 2)
    yield Line(_ADD_X)
    yield Line(_X_FROM_A)
    yield Line(_LOAD[2], 2 if v4 else 4)
    yield Line(_ADD, 0 if v4 else _IPV6_HEADER)
    yield Line(_SUBTRACT_X)
    yield _x_is_where_tcp_begins(v4)
    yield Line(_IF_EQUAL, 0, true="empty")
    yield Line(_IF_EQUAL, 1, false="accept")
    yield Line(_LOAD_FROM_X[1], 13)
    yield Line(_IF_EQUAL, Flags.ACK, true="refuse", false="accept")
    yield Line(_LOAD_FROM_X[1], 13, label="empty")
    yield Line(_IF_EQUAL, Flags.RST, true="refuse")
    yield Line(_IF_EQUAL, Flags.SYN, true="refuse")
    yield Line(_IF_EQUAL, Flags.PSH | Flags.ACK, true="refuse", false="accept")
