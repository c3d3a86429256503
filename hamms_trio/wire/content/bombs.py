"""Decompression bombs: bodies that are small until they are decoded.

A bomb is one block of octets, repeated between a beginning and an end. A decoder sees one valid stream, and the
server holds no more of it than the block. Zeros compress best.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from hashlib import shake_128
from typing import NamedTuple

from hamms_trio.wire.content.checksum import repeated_crc32
from hamms_trio.wire.content.encode import GZIP_HEADER, encode, gzip_member, gzip_trailer

BOMB_BLOCK_OCTETS = 1024 * 1024  # decoded, of a gzip or br bomb
PIECE_OCTETS = 64 * 1024

_ZSTD_BLOCK_OCTETS = 128 * 1024  # the most of a decoded block: RFC 8878 §3.1.1.2.3
_ZSTD_BEGIN = b"\x28\xb5\x2f\xfd" + bytes([0, (23 - 10) << 3])  # a window of 8 MiB: RFC 9659 §3
_ZSTD_RLE = 1  # RFC 8878 §3.1.1.2.2


class Repetition(NamedTuple):
    """Octets that mostly repeat one block."""

    begin: bytes
    block: bytes
    times: int
    end: bytes

    @property
    def octets(self) -> int:
        """The number of all octets."""
        return len(self.begin) + len(self.block) * self.times + len(self.end)

    def pieces(self) -> Iterator[bytes]:
        """Yield the octets in pieces of about 64 KiB."""
        yield self.begin
        at_once = max(1, PIECE_OCTETS // len(self.block))
        some = self.block * min(at_once, self.times)
        for sent in range(0, self.times, at_once):
            yield some[: len(self.block) * (self.times - sent)]
        yield self.end


@lru_cache(maxsize=16)
def gzip_bomb(octets: int, ratio: int) -> Repetition:
    """Build a gzip member that decodes to ``octets``, at most ``ratio`` of them for each coded octet.

    Gzip's own limit is a ratio of about 1000; octets that can't be compressed lower the ratio.
    """
    content = _content(ratio)
    times, rest = divmod(octets, len(content))
    checksum = repeated_crc32(content, times, content[:rest])
    end = _deflate(content[:rest], zlib.Z_FINISH) + gzip_trailer(checksum, octets)
    return Repetition(GZIP_HEADER, _deflate(content, zlib.Z_FULL_FLUSH), times, end)


@lru_cache(maxsize=16)
def brotli_bomb(octets: int) -> Repetition:
    """Build a br stream that decodes to ``octets`` zeros; from the second block on, all are coded alike."""
    import brotli

    stream = brotli.Compressor(quality=5)
    times, rest = divmod(octets, BOMB_BLOCK_OCTETS)
    block = begin = b""
    if times:
        begin = stream.process(bytes(BOMB_BLOCK_OCTETS)) + stream.flush()
        block = stream.process(bytes(BOMB_BLOCK_OCTETS)) + stream.flush()
    end = stream.process(bytes(rest)) + stream.finish()
    return Repetition(begin, block or end, max(0, times - 1), end)


def zstd_bomb(octets: int) -> Repetition:
    """Build a zstd frame that decodes to ``octets`` zeros: blocks of four octets, each for 128 KiB."""
    times, rest = divmod(octets, _ZSTD_BLOCK_OCTETS)
    block, end = _zstd_zeros(_ZSTD_BLOCK_OCTETS), _zstd_zeros(rest, is_last=True)
    return Repetition(_ZSTD_BEGIN, block, times, end)


@lru_cache(maxsize=16)
def nested_bomb(octets: int, depth: int) -> Repetition:
    """Build a gzip bomb in ``depth`` gzip members, one within the other."""
    bomb = gzip_bomb(octets, BOMB_BLOCK_OCTETS)
    for _ in range(depth - 1):
        bomb = Repetition(b"", gzip_member(b"".join(bomb.pieces())), 1, b"")
    return bomb


def empty_members(times: int, content: bytes) -> Repetition:
    """Build a gzip body of ``times`` empty members, and one with content (RFC 1952 §2.2)."""
    return Repetition(b"", gzip_member(b""), times, encode("gzip", content))


def _content(ratio: int) -> bytes:
    """Build the content of one block: zeros, then octets that can't be compressed."""
    least = len(_deflate(bytes(BOMB_BLOCK_OCTETS), zlib.Z_FULL_FLUSH))
    stiff = max(0, BOMB_BLOCK_OCTETS // ratio - least)
    return bytes(BOMB_BLOCK_OCTETS - stiff) + shake_128(b"bomb").digest(stiff)


def _deflate(content: bytes, flush: int) -> bytes:
    """Build deflate blocks that refer to nothing before them, and end at an octet's boundary."""
    stream = zlib.compressobj(zlib.Z_BEST_COMPRESSION, wbits=-zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush(flush)


def _zstd_zeros(octets: int, *, is_last: bool = False) -> bytes:
    """Build a block that repeats a zero (RFC 8878 §3.1.1.2)."""
    return struct.pack("<I", octets << 3 | _ZSTD_RLE << 1 | is_last)[:3] + b"\0"
