"""Segments and their octets, compared with scapy."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from netsplode.inject.segment import (
    MODULUS,
    Endpoint,
    Flags,
    Segment,
    decode,
    encode,
    internet_checksum,
    later,
)

numbers = st.integers(0, MODULUS - 1)
ports = st.integers(1, 65535)


def segments(octets: int) -> st.SearchStrategy[Segment]:
    ends = st.builds(Endpoint, st.binary(min_size=octets, max_size=octets), ports)
    flags, windows = st.integers(0, 31), st.integers(0, 65535)
    return st.builds(Segment, ends, ends, numbers, numbers, flags, windows, st.integers(0, 9))


@given(segments(4) | segments(16))
def test_scapy_decodes_our_segments_with_correct_checksums(segment: Segment) -> None:
    octets = encode(segment)
    packet = IP(octets) if octets[0] >> 4 == 4 else IPv6(octets)
    tcp = packet[TCP]
    assert (packet.src, packet.dst) == (segment.source.host, segment.destination.host)
    assert (tcp.sport, tcp.dport) == (segment.source.port, segment.destination.port)
    assert (tcp.seq, tcp.ack, tcp.window) == (segment.seq, segment.ack, segment.window)
    assert (int(tcp.flags), len(tcp.payload)) == (segment.flags, segment.length)
    again = packet.copy()
    del again[TCP].chksum
    if again.version == 4:
        del again.chksum
        del again.len
    else:
        del again.plen
    assert bytes(again) == octets


@given(segments(4) | segments(16))
def test_decode_inverts_encode(segment: Segment) -> None:
    assert decode(encode(segment)) == segment


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x45", b"\x60", b"\x4f"]))
def test_junk_raises_no_error(junk: bytes, start: bytes) -> None:
    segment = decode(start + junk)
    assert segment is None or segment.length >= 0


A4, B4 = Endpoint.of(("192.0.2.1", 80)), Endpoint.of(("192.0.2.2", 4000))


def test_options_and_missing_payload_count_in_the_length() -> None:
    tcp = TCP(sport=80, dport=4000, seq=7, flags="PA", options=[("Timestamp", (1, 2))])
    packet = bytes(
        IP(src="192.0.2.1", dst="192.0.2.2", options=b"\x01\x01\x01\x00") / tcp / b"12345"
    )
    segment = decode(packet[:-4])
    assert segment == Segment(A4, B4, 7, 0, Flags.PSH | Flags.ACK, 8192, 5)
    assert segment.end == 12


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(IP(src="192.0.2.1", dst="192.0.2.2", proto=17) / b"12345678"), id="udp"),
        pytest.param(bytes(IP(frag=1, proto=6) / bytes(40)), id="later fragment"),
        pytest.param(bytes(IP() / TCP())[:39], id="cut within the header"),
        pytest.param(bytes(IP(len=0) / TCP()), id="longer than its field can say"),
        pytest.param(bytes(IPv6(nh=17) / bytes(20)), id="udp over IPv6"),
        pytest.param(bytes(IPv6() / TCP())[:59], id="cut within the header, IPv6"),
    ],
)
def test_an_incomplete_header_is_no_segment(packet: bytes) -> None:
    assert decode(packet) is None


@pytest.mark.parametrize(
    ("flags", "length", "end"),
    [
        (Flags.ACK, 0, MODULUS - 1),
        (Flags.ACK, 1, 0),
        (Flags.SYN, 0, 0),
        (Flags.FIN | Flags.ACK, 3, 3),
    ],
)
def test_the_end_of_a_segment_wraps_around(flags: int, length: int, end: int) -> None:
    assert Segment(A4, B4, MODULUS - 1, 0, flags, 0, length).end == end


@pytest.mark.parametrize(
    ("a", "b", "is_later"),
    [(1, 0, True), (0, 0, False), (0, 1, False), (5, MODULUS - 5, True), (MODULUS - 5, 5, False)],
)
def test_later_works_across_the_wrap(a: int, b: int, is_later: bool) -> None:
    assert later(a, b) is is_later


def test_the_checksum_matches_the_example_of_rfc_1071() -> None:
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2  # RFC 1071 §3


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("127.0.0.1", 80), "127.0.0.1:80"),
        (("::ffff:127.0.0.1", 80, 0, 0), "127.0.0.1:80"),
        (("fe80::1%eth0", 80, 0, 2), "[fe80::1]:80"),
    ],
)
def test_an_endpoint_is_made_from_getsockname(address: tuple[str | int, ...], text: str) -> None:
    assert str(Endpoint.of(address)) == text


@pytest.mark.parametrize("address", [("localhost", 80), ("127.0.0.1", 0), ("127.0.0.1", "80")])
def test_a_malformed_endpoint_is_refused(address: tuple[str | int, ...]) -> None:
    with pytest.raises(ValueError, match=r"localhost|port"):
        Endpoint.of(address)


def test_a_segment_between_two_families_is_refused() -> None:
    with pytest.raises(ValueError, match="different families"):
        encode(Segment(A4, Endpoint.of(("::1", 80)), 0, 0, 0, 0))
