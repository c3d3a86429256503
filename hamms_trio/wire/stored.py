"""Brotli and Zstandard without compression: content in their formats, which any decoder reads.

Python has no encoder of either; both formats have blocks of plain octets.
"""

from __future__ import annotations

BLOCK_OCTETS = 64 * 1024  # Brotli's most with four nibbles of length; Zstandard takes 128 KiB
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_DESCRIPTOR = b"\xa0"  # one segment, whose size follows in four octets (RFC 8878 §3.1.1.1)
_BROTLI_END = b"\x03"  # the last meta-block, which is empty (RFC 7932 §9.2)


def stored_brotli(content: bytes) -> bytes:
    """Return content as a Brotli stream of uncompressed meta-blocks (RFC 7932 §9.2)."""
    parts = []
    for at in range(0, len(content), BLOCK_OCTETS):
        block = content[at : at + BLOCK_OCTETS]
        # From the lowest bit on: not the last, four nibbles, the length less one, uncompressed.
        header = (len(block) - 1) << 3 | 1 << 19
        if not at:
            header <<= 1  # behind the window's size, which is 64 KiB as a bit of 0
        parts += [header.to_bytes(3, "little"), block]
    return b"".join(parts) + (_BROTLI_END if content else b"\x06")


def stored_zstd(content: bytes) -> bytes:
    """Return content as a Zstandard frame of raw blocks (RFC 8878 §3.1.1)."""
    parts = [_ZSTD_MAGIC, _ZSTD_DESCRIPTOR, len(content).to_bytes(4, "little")]
    for at in range(0, max(1, len(content)), BLOCK_OCTETS):
        block = content[at : at + BLOCK_OCTETS]
        is_last = at + BLOCK_OCTETS >= len(content)
        parts += [(len(block) << 3 | is_last).to_bytes(3, "little"), block]
    return b"".join(parts)
