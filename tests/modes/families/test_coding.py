"""Content codings as decoders see them, and the memory that a bomb costs the server."""

from __future__ import annotations

import gzip
import re
import resource
import subprocess
import zlib
from pathlib import Path

import brotli
import pytest
import zstandard

from hamms_trio import HammsServer
from hamms_trio.canary import canary
from tests.clients import raw

MEBIBYTE = 1024 * 1024
NONCE = "coding"
FRAMINGS = ["cl", "chunked", "close"]
GET = b"GET /?nonce=coding&%b HTTP/1.1\r\nHost: hamms.test\r\nConnection: close\r\n\r\n"


def body_of(hamms: HammsServer, slug: str, query: str = "") -> bytes:
    """Return the body of a mode's answer, without the chunks around it."""
    octets = raw.exchange(hamms.open(slug).address, GET % query.encode())
    head, _, body = octets.partition(b"\r\n\r\n")
    if b"chunked" in head:
        match = re.fullmatch(rb"([0-9a-f]+)\r\n(.*)\r\n0\r\n\r\n", body, re.DOTALL)
        assert match is not None
        body = match[2]
        assert len(body) == int(match[1], 16)
    elif length := re.search(rb"Content-Length: ([0-9]+)", head):
        assert len(body) == int(length[1])
    return body


def decoded(coding: str, body: bytes) -> tuple[bytes, bool]:
    """Return the content of a body, and True if the decoder has seen its end."""
    if coding == "br":
        decoder = brotli.Decompressor()
        return decoder.process(body), decoder.is_finished()
    if coding == "zstd":
        frame = zstandard.ZstdDecompressor().decompressobj()
        return frame.decompress(body), frame.eof
    inflating = zlib.decompressobj(wbits=47)
    return inflating.decompress(body), inflating.eof


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_truncated_coding_is_complete_by_its_framing_only(
    hamms: HammsServer, coding: str, framing: str
) -> None:
    content, is_finished = decoded(
        coding, body_of(hamms, f"coding-{coding}-truncated", f"framing={framing}")
    )

    assert canary(NONCE).startswith(content)
    assert not is_finished


@pytest.mark.parametrize(
    "slug", ["coding-gzip-multimember", "coding-x-gzip", "coding-slow-flush", "coding-lie-gzip"]
)
def test_the_content_is_the_canary_to_a_decoder_that_is_right(
    hamms: HammsServer, slug: str
) -> None:
    assert gzip.decompress(body_of(hamms, slug, "interval=0.01")) == canary(NONCE)


@pytest.mark.parametrize(
    ("slug", "complaint"),
    [
        ("coding-gzip-bad-crc", "CRC check failed"),
        ("coding-gzip-bad-isize", "Incorrect length"),
        ("coding-gzip-no-trailer", "ended before"),
        ("coding-gzip-trailing-garbage", "Not a gzipped file"),
        ("coding-lie-identity", "Not a gzipped file"),
    ],
)
def test_a_strict_decoder_complains_of_exactly_the_fault(
    hamms: HammsServer, slug: str, complaint: str
) -> None:
    with pytest.raises((OSError, EOFError), match=complaint):
        gzip.decompress(body_of(hamms, slug))


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "nested"])
def test_a_bomb_of_a_gibibyte_costs_the_server_little_memory(
    hamms: HammsServer, coding: str
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    body = body_of(hamms, f"coding-bomb-{coding}", f"size={1024 * MEBIBYTE}")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert len(body) < 1.1 * MEBIBYTE
    assert (after - before) * 1024 < 64 * MEBIBYTE


def test_curl_decodes_a_gzip_bomb_to_its_whole_size(hamms: HammsServer, tmp_path: Path) -> None:
    url = hamms.url("coding-bomb-gzip", size=16 * MEBIBYTE)
    subprocess.run(
        ["curl", "--silent", "--compressed", "--output", tmp_path / "bomb", url], check=True
    )

    assert (tmp_path / "bomb").read_bytes() == bytes(16 * MEBIBYTE)


@pytest.mark.parametrize(
    ("accepted", "sent"), [("gzip", "br"), ("gzip, br", "zstd"), ("br, zstd, gzip, deflate", None)]
)
def test_an_unasked_coding_is_one_that_the_client_does_not_accept(
    hamms: HammsServer, accepted: str, sent: str | None
) -> None:
    field = b"\r\nAccept-Encoding: " + accepted.encode() + b"\r\n\r\n"
    with raw.connected(hamms.open("coding-unasked").address) as client:
        client.sendall((GET % b"").replace(b"\r\n\r\n", field))
        (message,) = raw.receive_messages(client, 1)

    assert message.fields.get("content-encoding") == sent
    assert hamms.ledger.fired("coding-unasked") == (sent is not None)
