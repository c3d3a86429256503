"""TCP segments, as values and as octets of an IP packet."""

from __future__ import annotations

import enum
import ipaddress
import socket
import struct
from dataclasses import dataclass
from typing import NamedTuple

TCP = 6  # its protocol number, RFC 9293 §3.1
TCP_HEADER = 20  # octets, without options
MODULUS = 1 << 32

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_TCP = struct.Struct("!HHIIBBHHH")
_HOPS = 64  # RFC 1700's default time to live


class Flags(enum.IntFlag):
    """The control bits of RFC 9293 §3.1 that matter here."""

    FIN = 1
    SYN = 2
    RST = 4
    PSH = 8
    ACK = 16


_FIN, _SYN = int(Flags.FIN), int(Flags.SYN)  # an IntFlag takes a microsecond to be masked


class Endpoint(NamedTuple):
    """One end of a connection: a packed address (4 or 16 octets) and a port."""

    address: bytes
    port: int

    @classmethod
    def of(cls, address: tuple[str | int, ...]) -> Endpoint:
        """Parse an address of ``socket.getsockname()``; an IPv4-mapped one becomes IPv4.

        Raises:
            ValueError: this is not a numeric address and a port.
        """
        host, port = address[:2]
        if not isinstance(port, int) or not 0 < port < 65536:
            raise ValueError(f"{port!r} is not the port of a connection: give 1 to 65535")
        parsed = ipaddress.ip_address(str(host).partition("%")[0])
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        return cls((mapped or parsed).packed, port)

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET if len(self.address) == 4 else socket.AF_INET6

    @property
    def host(self) -> str:
        return socket.inet_ntop(self.family, self.address)

    def __str__(self) -> str:
        return (
            f"{self.host}:{self.port}" if len(self.address) == 4 else f"[{self.host}]:{self.port}"
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment without options, and with the length of its payload instead of the payload."""

    source: Endpoint
    destination: Endpoint
    seq: int
    ack: int
    flags: int
    window: int
    length: int = 0

    @property
    def end(self) -> int:
        """The sequence number after this segment, SEG.SEQ + SEG.LEN (RFC 9293 §3.3.1)."""
        occupied = self.length + bool(self.flags & _SYN) + bool(self.flags & _FIN)
        return (self.seq + occupied) % MODULUS


def later(a: int, b: int) -> bool:
    """Return True if the sequence number ``a`` comes after ``b``, modulo 2**32 (RFC 9293 §3.4)."""
    return 0 < (a - b) % MODULUS < MODULUS // 2


def internet_checksum(octets: bytes) -> int:
    """Compute the checksum of RFC 1071."""
    if len(octets) % 2:
        octets += b"\0"
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def encode(segment: Segment) -> bytes:
    """Encode an IP packet that carries ``segment``, with a payload of zeros.

    Raises:
        ValueError: the two ends are of different families.
    """
    source, destination = segment.source.address, segment.destination.address
    if len(source) != len(destination):
        raise ValueError(f"{segment.source} and {segment.destination} are of different families")
    size = _TCP.size + segment.length
    if len(source) == 4:
        pseudo = source + destination + struct.pack("!BBH", 0, TCP, size)
        return _ipv4_header(source, destination, size) + _encode_tcp(segment, pseudo)
    pseudo = source + destination + struct.pack("!II", size, TCP)
    header = _IPV6.pack(6 << 28, size, TCP, _HOPS, source, destination)
    return header + _encode_tcp(segment, pseudo)


def _encode_tcp(segment: Segment, pseudo_header: bytes) -> bytes:
    def packed(checksum: int) -> bytes:
        offset = _TCP.size // 4 << 4
        ports = segment.source.port, segment.destination.port
        numbers = segment.seq % MODULUS, segment.ack % MODULUS
        header = _TCP.pack(
            *ports, *numbers, offset, int(segment.flags), segment.window, checksum, 0
        )
        return header + bytes(segment.length)

    return packed(internet_checksum(pseudo_header + packed(0)))


def _ipv4_header(source: bytes, destination: bytes, size: int) -> bytes:
    def packed(checksum: int) -> bytes:
        total = _IPV4.size + size
        return _IPV4.pack(0x45, 0, total, 0, 0, _HOPS, TCP, checksum, source, destination)

    return packed(internet_checksum(packed(0)))


def decode(packet: bytes) -> Segment | None:
    """Decode the segment in an IP packet, whose payload may be cut off; None without a complete header.

    Checksums are ignored, because a packet that is sniffed on its own host has only partial ones.
    """
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= _IPV4.size:
        first, _, total, _, fragment, _, protocol, _, source, destination = _IPV4.unpack_from(
            packet
        )
        start = (first & 15) * 4
        if protocol != TCP or fragment & 0x1FFF:
            return None
    elif version == 6 and len(packet) >= _IPV6.size:
        _, size, protocol, _, source, destination = _IPV6.unpack_from(packet)
        start, total = _IPV6.size, _IPV6.size + size
        if protocol != TCP:
            return None
    else:
        return None
    return _decode_tcp(packet, start, total, source, destination)


def _decode_tcp(
    packet: bytes, start: int, total: int, source: bytes, destination: bytes
) -> Segment | None:
    if len(packet) < start + _TCP.size:
        return None
    from_port, to_port, seq, ack, offset, flags, window, _, _ = _TCP.unpack_from(packet, start)
    length = total - start - (offset >> 4) * 4
    if length < 0:  # "BIG TCP" (RFC 2675): the length does not fit its field
        return None
    return Segment(
        Endpoint(source, from_port), Endpoint(destination, to_port), seq, ack, flags, window, length
    )
