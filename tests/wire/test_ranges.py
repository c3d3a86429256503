"""Range requests and the content that answers several ranges (RFC 9110 §14)."""

from __future__ import annotations

import email
import re
from email.message import Message
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from hamms_trio.wire.fields.ranges import (
    MAX_RANGES,
    Span,
    content_range,
    multipart,
    requested_spans,
)
from tests.wire.pieces import DETERMINISTIC

IGNORED = None
UNSATISFIABLE: list[tuple[int, int]] = []
LONG = "9" * 5000  # more digits than int() reads

RANGES: list[tuple[str, int, list[tuple[int, int]] | None]] = [
    # RFC 9110 §14.1.2's own examples, of a representation of 10000 octets
    ("bytes=0-499", 10000, [(0, 499)]),
    ("bytes=500-999", 10000, [(500, 999)]),
    ("bytes=-500", 10000, [(9500, 9999)]),
    ("bytes=9500-", 10000, [(9500, 9999)]),
    ("bytes=0-0,-1", 10000, [(0, 0), (9999, 9999)]),
    ("bytes= 0-999, 4500-5499, -1000", 10000, [(0, 999), (4500, 5499), (9000, 9999)]),
    ("bytes=500-600,601-999", 10000, [(500, 999)]),
    ("bytes=500-700,601-999", 10000, [(500, 999)]),
    # what goes beyond the end, ends there; what begins there is unsatisfiable
    ("bytes=0-", 10, [(0, 9)]),
    ("bytes=9-9", 10, [(9, 9)]),
    ("bytes=9-100", 10, [(9, 9)]),
    ("bytes=-10", 10, [(0, 9)]),
    ("bytes=-11", 10, [(0, 9)]),
    ("bytes=10-", 10, UNSATISFIABLE),
    ("bytes=10-10", 10, UNSATISFIABLE),
    ("bytes=-0", 10, UNSATISFIABLE),
    ("bytes=10-,-0", 10, UNSATISFIABLE),
    ("bytes=10-,3-4,-0", 10, [(3, 4)]),
    # numerals of any length
    ("bytes=0000-0003", 10, [(0, 3)]),
    (f"bytes=0-{LONG}", 10, [(0, 9)]),
    (f"bytes=-{LONG}", 10, [(0, 9)]),
    (f"bytes={LONG}-", 10, UNSATISFIABLE),
    (f"bytes={LONG}-{LONG}", 10, UNSATISFIABLE),
    (f"bytes={'0' * 5000}-3", 10, [(0, 3)]),
    # the unit's name is case-insensitive, lists may have empty members (§14.1, §5.6.1)
    ("BYTES=0-3", 10, [(0, 3)]),
    ("bytes=,0-3,,\t5-6 ,", 10, [(0, 3), (5, 6)]),
    # the order is the client's; what overlaps or touches stands where its earliest does (§15.3.7.2)
    ("bytes=8-9,0-1", 10, [(8, 9), (0, 1)]),
    ("bytes=8-9,0-1,1-3", 10, [(8, 9), (0, 3)]),
    ("bytes=5-6,0-1,6-7", 10, [(5, 7), (0, 1)]),
    ("bytes=0-3,0-3,0-3", 10, [(0, 3)]),
    ("bytes=0-,0-,0-", 10, [(0, 9)]),
    ("bytes=-1,0-8", 10, [(0, 9)]),
    # an unknown unit, and what is no ranges-specifier (§14.1.1, §14.2)
    ("lines=0-3", 10, IGNORED),
    ("", 10, IGNORED),
    ("bytes", 10, IGNORED),
    ("bytes=", 10, IGNORED),
    ("bytes=,", 10, IGNORED),
    ("bytes=-", 10, IGNORED),
    ("bytes=3", 10, IGNORED),
    ("bytes=3-2", 10, IGNORED),
    ("bytes=3-2,0-1", 10, IGNORED),
    ("bytes=12-11", 10, IGNORED),
    ("bytes=0-1,x", 10, IGNORED),
    ("bytes=0-1;2-3", 10, IGNORED),
    ("bytes=0 - 1", 10, IGNORED),
    ("bytes=+0-1", 10, IGNORED),
    ("bytes=0-1-2", 10, IGNORED),
    ("bytes=--1", 10, IGNORED),
    ("bytes=0x0-0x1", 10, IGNORED),
    ("bytes=1_0-2_0", 100, IGNORED),
    ("bytes=\u0660-\u0661", 10, IGNORED),
    ("bytes =0-1", 10, IGNORED),
    ("bytes:0-1", 10, IGNORED),
    ("0-1", 10, IGNORED),
    ("bytes=0-1, bytes=3-4", 10, IGNORED),
    # there is nothing to have parts of; a suffix of it is all of it (§14.1.2)
    ("bytes=0-", 0, UNSATISFIABLE),
    ("bytes=0-0", 0, UNSATISFIABLE),
    ("bytes=-0", 0, UNSATISFIABLE),
    ("bytes=-5", 0, IGNORED),
]


@pytest.mark.parametrize(("field", "length", "expected"), RANGES)
def test_a_range_field_selects_these_spans(
    field: str, length: int, expected: list[tuple[int, int]] | None
) -> None:
    spans = requested_spans(field, length)

    assert (None if spans is None else list(spans)) == expected


def test_a_request_for_too_many_ranges_gets_the_whole_file() -> None:
    some = ",".join(f"{2 * number}-{2 * number}" for number in range(MAX_RANGES))

    spans = requested_spans(f"bytes={some}", 10_000)
    assert spans is not None
    assert len(spans) == MAX_RANGES
    assert requested_spans(f"bytes={some},9999-9999", 10_000) is None


@pytest.mark.parametrize(
    "value", ["0-," * 20000, "," * 65000, "-" * 65000, "0" * 65000, "1-" + "0" * 65000]
)
def test_a_huge_field_is_read_in_linear_time(value: str) -> None:
    for _ in range(20):
        requested_spans(f"bytes={value}", 10)


def test_a_content_range_names_first_last_and_length() -> None:
    assert content_range(Span(42, 1233), 1234) == "bytes 42-1233/1234"  # RFC 9110 §14.4
    assert content_range(None, 1234) == "bytes */1234"


positions = st.integers(0, 60)
SPECS = st.one_of(
    st.tuples(positions, positions).map(lambda ends: f"{min(ends)}-{max(ends)}"),
    positions.map("{}-".format),
    positions.map("-{}".format),
)
FIELDS = st.lists(SPECS, min_size=1, max_size=12).map(lambda specs: "bytes=" + ",".join(specs))


def wanted(field: str, length: int) -> list[set[int]]:
    """For each range-spec the positions that it means (RFC 9110 §14.1.2)."""
    meant = []
    for spec in field.removeprefix("bytes=").split(","):
        first, last = spec.split("-")
        if first:
            meant.append({at for at in range(length) if int(first) <= at <= int(last or length)})
        else:
            meant.append(set(range(length)[max(0, length - int(last)) :]) if int(last) else set())
    return meant


@given(FIELDS, st.integers(1, 50))
@DETERMINISTIC
def test_spans_cover_the_requested_octets_and_none_twice(field: str, length: int) -> None:
    spans = requested_spans(field, length)
    meant = wanted(field, length)

    assert spans is not None
    covered = [at for span in spans for at in range(span.first, span.last + 1)]
    assert len(covered) <= length
    assert sorted(covered) == sorted(set().union(*meant))
    ascending = sorted(spans)
    assert all(before.last + 1 < after.first for before, after in pairwise(ascending))
    first_asked = [
        min(place for place, positions in enumerate(meant) if span.first in positions
            or positions & set(range(span.first, span.last + 1)))
        for span in spans
    ]  # fmt: skip
    assert first_asked == sorted(first_asked)


@given(st.text(alphabet="bytes=0123-, \t*x", max_size=30), st.integers(0, 30))
@DETERMINISTIC
def test_any_field_is_read_without_an_error(field: str, length: int) -> None:
    for text in (field, "bytes=" + field):
        spans = requested_spans(text, length) or ()
        assert all(0 <= span.first <= span.last < length for span in spans)
        assert sum(span.octets for span in spans) <= length


def octets_of(pieces: list[bytes | Span], whole: bytes) -> bytes:
    return b"".join(
        piece if isinstance(piece, bytes) else whole[piece.first : piece.last + 1]
        for piece in pieces
    )


def test_several_ranges_look_as_in_rfc_9110_15_3_7_2() -> None:
    whole = b"...the first range...the second range..."
    spans = (Span(3, 17), Span(21, 36))

    pieces = list(multipart(spans, len(whole), "application/pdf", "THIS_STRING_SEPARATES"))

    assert octets_of(pieces, whole) == (
        b"--THIS_STRING_SEPARATES\r\n"
        b"Content-Type: application/pdf\r\n"
        b"Content-Range: bytes 3-17/40\r\n"
        b"\r\n"
        b"the first range"
        b"\r\n--THIS_STRING_SEPARATES\r\n"
        b"Content-Type: application/pdf\r\n"
        b"Content-Range: bytes 21-36/40\r\n"
        b"\r\n"
        b"the second range"
        b"\r\n--THIS_STRING_SEPARATES--\r\n"
    )


@given(FIELDS, st.binary(min_size=1, max_size=50))
@DETERMINISTIC
def test_each_part_has_type_and_content_range(field: str, whole: bytes) -> None:
    spans = requested_spans(field, len(whole))
    assert spans is not None
    if not spans:
        return
    content = octets_of(list(multipart(spans, len(whole), "a/b", "0123456789abcdef" * 2)), whole)
    parts = read_by_email(content, "0123456789abcdef" * 2)

    assert len(parts) == len(spans)
    for span, octets in parts:
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", span)
        assert match
        first, last, length = map(int, match.groups())
        assert length == len(whole)
        assert octets == whole[first : last + 1]


def read_by_email(content: bytes, boundary: str) -> list[tuple[str, bytes]]:
    """Content-Range and octets of each part, as the standard library's MIME parser finds them."""
    head = f'Content-Type: multipart/byteranges; boundary="{boundary}"\r\n\r\n'.encode()
    message = email.message_from_bytes(head + content)
    parts = [part for part in message.walk() if not part.is_multipart()]
    return [(part["Content-Range"], _payload(part)) for part in parts]


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload
