"""Encoders of content: gzip, deflate, br and zstd (RFC 9110 §8.4.1; RFC 7932, RFC 8878).

The parts of a gzip member are built one by one, so that each may be wrong on its own. The libraries of other
codings are imported on first use, because a server can start without them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

GZIP_HEADER = bytes.fromhex("1f8b08000000000000ff")  # no name, no time, no system: RFC 1952 §2.3
GZIP_TRAILER_OCTETS = 8
ZSTD_WINDOW_AT = 5  # after the magic number and the descriptor: RFC 8878 §3.1.1.1
LOWEST_WINDOW_LOG = 10
HIGHEST_WINDOW_LOG = 41

_BROTLI_QUALITY = 5  # a tenth of the time of the highest


def encode(coding: str, content: bytes) -> bytes:
    """Return content in a coding.

    Raises:
        KeyError: the coding is none of `CODINGS`.
    """
    return CODINGS[coding](content)


def gzip_member(content: bytes) -> bytes:
    """Build one whole gzip member (RFC 1952 §2.3)."""
    return GZIP_HEADER + raw_deflate(content) + gzip_trailer(zlib.crc32(content), len(content))


def gzip_trailer(checksum: int, octets: int) -> bytes:
    """Build the end of a member: CRC32 and ISIZE, the length modulo 2^32."""
    return struct.pack("<II", checksum, octets % 2**32)


def raw_deflate(content: bytes) -> bytes:
    """Build a deflate stream (RFC 1951) with nothing around it."""
    return zlib.compress(content, wbits=-zlib.MAX_WBITS)


def flushed_gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a gzip member part by part, each of which can be decoded as soon as it has arrived."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    begin, checksum, octets = GZIP_HEADER, 0, 0
    for piece in pieces:
        checksum, octets = zlib.crc32(piece, checksum), octets + len(piece)
        yield begin + stream.compress(piece) + stream.flush(zlib.Z_SYNC_FLUSH)
        begin = b""
    yield begin + stream.flush() + gzip_trailer(checksum, octets)


def zstd_with_window(content: bytes, log: int) -> bytes:
    """Build a zstd frame that declares a window of 2^``log`` octets, and of 3.75 TiB for 41, the highest.

    A window descriptor is an exponent and a mantissa of three bits (RFC 8878 §3.1.1.1.2).
    """
    mantissa = 7 if log == HIGHEST_WINDOW_LOG else 0
    frame = bytearray(_zstd(content))
    frame[ZSTD_WINDOW_AT] = (log - LOWEST_WINDOW_LOG) << 3 | mantissa
    return bytes(frame)


def _brotli(content: bytes) -> bytes:
    import brotli

    coded: bytes = brotli.compress(content, quality=_BROTLI_QUALITY)
    return coded


def _zstd(content: bytes) -> bytes:
    """Build a frame without its content's length, so that it has a window descriptor, as a stream does."""
    import zstandard

    stream = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return stream.compress(content) + stream.flush()


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip_member,
    "deflate": zlib.compress,
    "br": _brotli,
    "zstd": _zstd,
}
