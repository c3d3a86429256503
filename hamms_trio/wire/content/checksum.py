"""The CRC-32 of repeated octets, without reading them again.

Appending octets multiplies the checksum of those before by a power of x, modulo the polynomial (the same as zlib's
crc32_combine). A polynomial is a number whose highest bit is the coefficient of x^0.
"""

from __future__ import annotations

import zlib

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31
_OCTET = 1 << 23  # x^8


def combined_crc32(first: int, second: int, octets: int) -> int:
    """Return the checksum of two parts from their own checksums; the second part has ``octets``."""
    return _product(_power(_OCTET, octets), first) ^ second


def repeated_crc32(block: bytes, times: int, end: bytes = b"") -> int:
    """Return the checksum of a block that is repeated ``times``, and of ``end`` after it."""
    checksum, one, octets = 0, zlib.crc32(block), len(block)
    while times:
        if times & 1:
            checksum = combined_crc32(checksum, one, octets)
        one, octets, times = combined_crc32(one, one, octets), octets * 2, times >> 1
    return zlib.crc32(end, checksum)


def _power(base: int, exponent: int) -> int:
    result = _ONE
    while exponent:
        if exponent & 1:
            result = _product(result, base)
        base, exponent = _product(base, base), exponent >> 1
    return result


def _product(first: int, second: int) -> int:
    product = 0
    while first:
        if first & _ONE:
            product ^= second
        first = first << 1 & 0xFFFFFFFF
        second = second >> 1 ^ (_POLYNOMIAL if second & 1 else 0)
    return product
