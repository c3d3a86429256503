"""Points at which a stream breaks, and the ways in which a body ends, as octets."""

from __future__ import annotations

import zlib

import pytest

from hamms_trio.modes.streams.cut import cut, half, half_character, until, without
from hamms_trio.modes.streams.faults import FAULTS, BodyWriter, StreamEnding
from hamms_trio.modes.streams.shapes import SHAPES, Finish, ModelAnswer, Part, pieces

PLAIN = pieces(SHAPES["plain"], ModelAnswer.of(3, "n"))
CHAT = pieces(SHAPES["chat"], ModelAnswer.of(3, "n"))


@pytest.mark.parametrize(
    ("after", "at", "leaves"),
    [
        (0, "event", []),
        (1, "event", [b"id: 1\ndata: t0\n\n"]),
        (1, "inside", [b"id: 1\ndata: t0\n\n", b"id: 2\ndata"]),
        (3, "event", [piece.octets for piece in PLAIN]),
        (9, "inside", [piece.octets for piece in PLAIN]),
    ],
)
def test_a_stream_leaves_up_to_its_cut(after: int, at: str, leaves: list[bytes]) -> None:
    assert cut(PLAIN, after, at) == leaves


def test_nothing_behind_the_last_token_leaves() -> None:
    assert [piece.part for piece in until(CHAT, 9)] == [Part.OPENING] + [Part.TOKEN] * 3
    assert len(cut(CHAT, 3)) == 4


def test_parts_can_be_left_out() -> None:
    assert without(CHAT, Part.TERMINAL) == [piece.octets for piece in CHAT[:-1]]


@pytest.mark.parametrize(
    ("octets", "first"),
    [
        (b"data: abcdef\n\n", b"data: "),
        (b"event: x\ndata: abcdef\n\n", b"event: x\ndata: "),
        (b'{"a":1}\n', b'{"a'),
        (b"x", b"x"),
    ],
)
def test_half_an_event_ends_within_its_last_line(octets: bytes, first: bytes) -> None:
    assert half(octets) == first


def test_half_a_character_is_its_first_octet() -> None:
    assert half_character("ab€c".encode()) == b"ab\xe2"
    assert half_character(b"abc") == b"ab"


BODIES = {
    "clean": (b"1\r\na\r\n0\r\n\r\n", StreamEnding.KEEP),
    "fin": (b"1\r\na\r\n", StreamEnding.FIN),
    "rst": (b"1\r\na\r\n", StreamEnding.RST),
    "delimited": (b"a", StreamEnding.FIN),
}


@pytest.mark.parametrize("how", BODIES)
def test_a_body_ends_in_the_way_of_its_fault(how: str) -> None:
    body = BodyWriter(FAULTS[how])
    assert (body.write(b"a") + body.write(b"") + body.end(), body.ending) == BODIES[how]


@pytest.mark.parametrize("how", FAULTS)
def test_without_chunks_the_end_of_the_connection_is_the_end(how: str) -> None:
    body = BodyWriter(FAULTS[how], minor_version=0)
    assert ("Connection", "close") in body.fields
    assert body.end() == b""
    others = {"rst": StreamEnding.RST, "tls": StreamEnding.TRUNCATED}
    assert body.ending is others.get(how, StreamEnding.FIN)


def test_a_gzip_stream_breaks_off_within_honest_chunks() -> None:
    body = BodyWriter(FAULTS["gzip"])
    assert body.fields == (("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"))
    chunk = body.write(b"abc")
    size, _, data = chunk.partition(b"\r\n")
    decoder = zlib.decompressobj(wbits=31)
    assert decoder.decompress(data[: int(size, 16)]) == b"abc"
    assert not decoder.eof
    assert body.end() == b"0\r\n\r\n"


@pytest.mark.parametrize("tool", [False, True])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_nonce_stands_in_the_last_token_of_every_shape(shape: object, tool: bool) -> None:
    answer = ModelAnswer.of(3, "n1", tool=tool)
    *_, before, last = (p for p in pieces(shape, answer) if p.part is Part.TOKEN)
    assert b"n1" in last.octets.replace(b"-n1", b"").replace(b"_n1", b"")
    assert b"n1" not in before.octets.replace(b"-n1", b"").replace(b"_n1", b"")


def test_an_answer_that_is_cut_has_no_finish_reason() -> None:
    answer = ModelAnswer.of(3, "n").cut(2)
    assert (answer.text, answer.finish) == ("t0 t1 ", Finish.MISSING)
