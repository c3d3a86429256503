"""Server-sent events as octets, and octets in pieces."""

from __future__ import annotations

import pytest

from hamms_trio.wire.event_stream import (
    CR,
    LF,
    ServerSentEvent,
    comment,
    ended_in_turn,
    split_at,
    split_characters,
    split_each,
    split_line_ends,
)
from hamms_trio.wire.http1.build import CRLF
from tests.modes.streams.reading import EventSource

EVENTS = [
    (ServerSentEvent("a"), b"data: a\n\n"),
    (ServerSentEvent(""), b"data: \n\n"),
    (ServerSentEvent("a\n\nb"), b"data: a\ndata: \ndata: b\n\n"),
    (ServerSentEvent("a", "t", "1", "5"), b"event: t\nid: 1\nretry: 5\ndata: a\n\n"),
    (ServerSentEvent(type="t"), b"event: t\n\n"),
    (ServerSentEvent(id="a\0b"), b"id: a\0b\n\n"),
    (ServerSentEvent("\u2028\x85"), "data: \u2028\x85\n\n".encode()),
    (ServerSentEvent(), b"\n"),
]


@pytest.mark.parametrize(("event", "octets"), EVENTS)
def test_an_event_is_written_field_by_field(event: ServerSentEvent, octets: bytes) -> None:
    assert event.octets() == octets


def test_a_comment_is_a_line_and_an_empty_one() -> None:
    assert comment("x") == b": x\n\n"


def test_two_spaces_stand_in_data_lines_only() -> None:
    event = ServerSentEvent("a", "t")
    assert event.octets(0) == b"event:t\ndata:a\n\n"
    assert event.octets(2) == b"event: t\ndata:  a\n\n"


@pytest.mark.parametrize("line_ends", [(LF,), (CR,), (CRLF,), (CRLF, LF, CR), (CR, LF)])
def test_every_line_end_reads_as_the_same_events(line_ends: tuple[bytes, ...]) -> None:
    lines = [line for event, _ in EVENTS for line in event.lines()]
    expected = EventSource().read(b"".join(octets for _, octets in EVENTS))
    assert EventSource().read(ended_in_turn(lines, line_ends)) == expected


@pytest.mark.parametrize(
    ("octets", "offsets", "pieces"),
    [
        (b"abcd", [1, 3], [b"a", b"bc", b"d"]),
        (b"abcd", [0, 1, 1, 3, 4, 9], [b"a", b"bc", b"d"]),
        (b"abcd", [], [b"abcd"]),
        (b"", [1], []),
    ],
)
def test_octets_are_split_at_offsets(
    octets: bytes, offsets: list[int], pieces: list[bytes]
) -> None:
    assert list(split_at(octets, offsets)) == pieces


def test_octets_are_split_where_readers_trip() -> None:
    assert list(split_each(b"abc")) == [b"a", b"b", b"c"]
    assert list(split_line_ends(b"a\r\n\r\nb\n\n")) == [b"a\r", b"\n", b"\r", b"\n", b"b\n", b"\n"]
    assert list(split_characters("aé€😀b".encode())) == [
        b"a\xc3", b"\xa9\xe2", b"\x82\xac\xf0", b"\x9f\x98\x80b",
    ]  # fmt: skip
