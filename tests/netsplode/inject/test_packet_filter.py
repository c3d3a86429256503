"""The packet filter, run by the kernel on a datagram socket, which needs no privilege."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings, strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from netsplode.inject.forged import OUR_WINDOW, is_ours
from netsplode.inject.packet_filter import assemble, of_connection
from netsplode.inject.segment import Endpoint, Flags, Segment, decode, encode

if sys.platform != "linux":
    pytest.skip("filters of this kind are Linux's", allow_module_level=True)

SO_ATTACH_FILTER = 26
A4, B4 = Endpoint.of(("192.0.2.1", 80)), Endpoint.of(("192.0.2.2", 4000))
A6, B6 = Endpoint.of(("2001:db8::1", 80)), Endpoint.of(("2001:db8::2", 4000))


@contextmanager
def filtering(first: Endpoint, second: Endpoint) -> Iterator[tuple[socket.socket, socket.socket]]:
    program = assemble(*of_connection(first, second))
    kept = ctypes.create_string_buffer(program)
    fprog = struct.pack("HL", len(program) // 8, ctypes.addressof(kept))
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
        receiver.setblocking(False)
        yield sender, receiver


def passed(packet: bytes, first: Endpoint, second: Endpoint) -> bytes | None:
    """Send a packet through the filter, and return the part that passes."""
    with filtering(first, second) as (sender, receiver):
        sender.send(packet)
        try:
            return receiver.recv(1 << 16)
        except BlockingIOError:
            return None


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Generate segments between the ends of two connections, or nearly; many look like forged ones."""
    first, second = draw(st.sampled_from([(A4, B4), (A6, B6)]))
    strangers = [first._replace(port=81), second._replace(address=first.address)]
    source = draw(st.sampled_from([first, second, *strangers]))
    destination = draw(st.sampled_from([first, second, *strangers]))
    window = draw(st.sampled_from([OUR_WINDOW, OUR_WINDOW + 1]))
    flags, length = draw(st.integers(0, 63)), draw(st.integers(0, 2))
    return Segment(source, destination, 1, 2, flags, window, length)


@settings(deadline=None)
@given(segments())
def test_only_genuine_segments_of_the_connection_pass(segment: Segment) -> None:
    first, second = (A4, B4) if segment.source.family == socket.AF_INET else (A6, B6)
    wanted = {segment.source, segment.destination} == {first, second} and not is_ours(segment)
    got = passed(encode(segment), first, second)
    assert (got is not None) is wanted
    if got is not None:
        assert decode(got) == segment


@pytest.mark.parametrize(
    "ip",
    [
        IP(src="192.0.2.1", dst="192.0.2.2"),
        IP(src="192.0.2.1", dst="192.0.2.2", options=b"\x01\x01\x01\x00"),
        IPv6(src="2001:db8::1", dst="2001:db8::2"),
    ],
    ids=["IPv4", "IPv4 with options", "IPv6"],
)
def test_the_filter_cuts_options_and_payload(ip: IP | IPv6) -> None:
    tcp = TCP(sport=80, dport=4000, seq=7, flags="A", options=[("Timestamp", (1, 2))])
    first, second = (A4, B4) if ip.version == 4 else (A6, B6)
    for payload, window in ((b"", OUR_WINDOW), (b"?", 500), (b"12345", OUR_WINDOW)):
        tcp.window = window
        got = passed(bytes(ip / tcp / payload), first, second)
        assert got is not None
        assert len(got) == len(ip) + 20
        segment = Segment(first, second, 7, 0, Flags.ACK, window, len(payload))
        assert decode(got) == segment
    tcp.window = OUR_WINDOW
    assert passed(bytes(ip / tcp / b"?"), first, second) is None


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(IP() / TCP())[:30], id="cut off"),
        pytest.param(
            bytes(IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=80, dport=4000)), id="UDP"
        ),
        pytest.param(
            bytes(IP(src="192.0.2.1", dst="192.0.2.2", frag=1) / TCP(sport=80, dport=4000)),
            id="a later fragment",
        ),
        pytest.param(
            bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=80, dport=4000)), id="IPv6"
        ),
    ],
)
def test_other_packets_are_refused(packet: bytes) -> None:
    assert passed(packet, A4, B4) is None
