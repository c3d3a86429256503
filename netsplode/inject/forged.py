"""The segments that look like an end's own, and how they are told from those: by their window and a rare shape."""

from __future__ import annotations

from netsplode.inject.segment import MODULUS, Endpoint, Flags, Segment

OUR_WINDOW = 0x6E73
"""Any segment may have this window, so it takes a rare shape too: an octet is sent with PSH by everybody else, an
ACK without data is not, and a SYN or a RST with nothing else has hardly ever just this window."""

_EMPTY = frozenset({Flags.RST, Flags.SYN, Flags.PSH | Flags.ACK})


def reset(source: Endpoint, destination: Endpoint, seq: int) -> Segment:
    return Segment(source, destination, seq % MODULUS, 0, Flags.RST, OUR_WINDOW)


def opening(source: Endpoint, destination: Endpoint, seq: int) -> Segment:
    return Segment(source, destination, seq % MODULUS, 0, Flags.SYN, OUR_WINDOW)


def octet(source: Endpoint, destination: Endpoint, seq: int, ack: int) -> Segment:
    return Segment(
        source, destination, seq % MODULUS, ack % MODULUS, Flags.ACK, OUR_WINDOW, length=1
    )


def keep_alive(source: Endpoint, destination: Endpoint, seq: int, ack: int) -> Segment:
    """Without data (RFC 9293 §3.8.4), so that it does no harm where it is taken in."""
    flags = Flags.PSH | Flags.ACK
    return Segment(source, destination, seq % MODULUS, ack % MODULUS, flags, OUR_WINDOW)


def is_ours(segment: Segment) -> bool:
    """Whether it was made here."""
    if segment.window != OUR_WINDOW:
        return False
    if segment.length == 0:
        return segment.flags in _EMPTY
    return segment.length == 1 and segment.flags == Flags.ACK
