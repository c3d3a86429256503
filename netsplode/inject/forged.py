"""Forged segments, and how to recognise them: by their window and a rare shape."""

from __future__ import annotations

from netsplode.inject.segment import MODULUS, Endpoint, Flags, Segment

OUR_WINDOW = 0x6E73
"""Any segment may have this window, so a forged one has a rare shape too. Other senders set PSH on a single octet,
but not on an ACK without data; and a bare SYN or RST has hardly ever just this window."""

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
    """Make a keep-alive segment without data (RFC 9293 §3.8.4), which is harmless where it is accepted."""
    flags = Flags.PSH | Flags.ACK
    return Segment(source, destination, seq % MODULUS, ack % MODULUS, flags, OUR_WINDOW)


def is_ours(segment: Segment) -> bool:
    """Return True if the segment was forged by this module."""
    if segment.window != OUR_WINDOW:
        return False
    if segment.length == 0:
        return segment.flags in _EMPTY
    return segment.length == 1 and segment.flags == Flags.ACK
