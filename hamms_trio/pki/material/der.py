"""The part of DER that is needed for structures which libraries no longer write (ITU-T X.690)."""

from __future__ import annotations

INTEGER, BIT_STRING, SEQUENCE = 0x02, 0x03, 0x30
NULL = b"\x05\x00"  # a whole element


def der(tag: int, content: bytes) -> bytes:
    """Return one element: its tag, its length and its content."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def integer(number: int) -> bytes:
    """Return a number that is not negative as an element."""
    return der(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))
