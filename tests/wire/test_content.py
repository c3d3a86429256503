"""Content in codings, and bombs: each is one sound stream for a decoder that is not ours."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from hamms_trio.wire.content.bombs import (
    BOMB_BLOCK_OCTETS,
    Repetition,
    brotli_bomb,
    empty_members,
    gzip_bomb,
    nested_bomb,
    zstd_bomb,
)
from hamms_trio.wire.content.checksum import repeated_crc32
from hamms_trio.wire.content.encode import encode, flushed_gzip, zstd_with_window

CONTENT = b"%d bottles of beer\n" * 5000
MEBIBYTE = 1024 * 1024
LENGTHS = [
    0,
    1,
    BOMB_BLOCK_OCTETS - 1,
    BOMB_BLOCK_OCTETS,
    5 * BOMB_BLOCK_OCTETS,
    7 * BOMB_BLOCK_OCTETS + 12345,
]


def gunzip(octets: bytes) -> bytes:
    decoder = zlib.decompressobj(wbits=31)
    content = decoder.decompress(octets)
    assert decoder.eof
    assert not decoder.unused_data
    return content


def unzstd(octets: bytes) -> bytes:
    decoder = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
    content = decoder.decompress(octets)
    assert decoder.eof
    return content


DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gunzip,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": unzstd,
}
BOMBS: dict[str, Callable[[int], Repetition]] = {
    "gzip": lambda octets: gzip_bomb(octets, BOMB_BLOCK_OCTETS),
    "br": brotli_bomb,
    "zstd": zstd_bomb,
}


@pytest.mark.parametrize("coding", DECODERS)
def test_a_decoder_gives_back_what_was_encoded(coding: str) -> None:
    assert DECODERS[coding](encode(coding, CONTENT)) == CONTENT
    assert DECODERS[coding](encode(coding, b"")) == b""


@pytest.mark.parametrize("octets", LENGTHS)
@pytest.mark.parametrize("coding", BOMBS)
def test_a_bomb_becomes_exactly_its_length_of_zeros(coding: str, octets: int) -> None:
    bomb = BOMBS[coding](octets)
    coded = b"".join(bomb.pieces())

    assert len(coded) == bomb.octets
    assert DECODERS[coding](coded) == bytes(octets)


@pytest.mark.parametrize("coding", BOMBS)
def test_the_greatest_bomb_fits_in_little_memory(coding: str) -> None:
    assert BOMBS[coding](1024 * MEBIBYTE).octets < 1.1 * MEBIBYTE
    assert max(map(len, BOMBS[coding](1024 * MEBIBYTE).pieces())) <= 64 * 1024


@pytest.mark.parametrize("ratio", [2, 10, 100])
def test_a_gzip_bomb_has_the_ratio_that_was_wanted(ratio: int) -> None:
    octets = 3 * BOMB_BLOCK_OCTETS + 99
    coded = b"".join(gzip_bomb(octets, ratio).pieces())

    assert len(gunzip(coded)) == octets
    assert octets / len(coded) == pytest.approx(ratio, rel=0.1)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_nested_bomb_has_so_many_layers(depth: int) -> None:
    content = b"".join(nested_bomb(5 * BOMB_BLOCK_OCTETS, depth).pieces())
    for _ in range(depth):
        content = gunzip(content)

    assert content == bytes(5 * BOMB_BLOCK_OCTETS)


def test_empty_members_precede_the_content() -> None:
    body = empty_members(1000, CONTENT)
    coded = b"".join(body.pieces())
    members = 0
    while coded:
        decoder = zlib.decompressobj(wbits=31)
        content, coded, members = decoder.decompress(coded), decoder.unused_data, members + 1

    assert (members, content) == (1001, CONTENT)


def test_each_flushed_part_can_be_decoded_at_once() -> None:
    pieces = [CONTENT[:1000], CONTENT[1000:1001], CONTENT[1001:]]
    decoder = zlib.decompressobj(wbits=31)
    *parts, end = [decoder.decompress(part) for part in flushed_gzip(iter(pieces))]

    assert (parts, end, decoder.eof) == (pieces, b"", True)


def test_a_zstd_frame_declares_the_window_that_was_wanted() -> None:
    declared = {
        log: zstandard.get_frame_parameters(zstd_with_window(CONTENT, log)).window_size
        for log in (10, 23, 27, 31)
    }

    assert declared == {log: 2**log for log in declared}
    assert unzstd(zstd_with_window(CONTENT, 27)) == CONTENT
    assert zstd_with_window(CONTENT, 41)[5] == 0xFF


@pytest.mark.parametrize("times", [0, 1, 2, 3, 100])
def test_the_checksum_of_repeated_octets_is_that_of_all(times: int) -> None:
    assert repeated_crc32(b"hamms", times, b"end") == zlib.crc32(b"hamms" * times + b"end")
