"""Ranges of files: one part, several parts, or the whole."""

from __future__ import annotations

import email
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from hamms_trio.files import FileTree
from hamms_trio.wire.fields.dates import imf_fixdate
from tests.files.answers import (
    CONTENT,
    LONG_AGO,
    MODIFIED,
    Received,
    ask,
    etag_of,
    make,
)
from tests.wire.pieces import DETERMINISTIC


@pytest.mark.parametrize(
    ("field", "content", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=0-99", CONTENT, "bytes 0-9/10"),
        ("bytes=99-,1-2", b"12", "bytes 1-2/10"),
        ("bytes=1-2,2-3", b"123", "bytes 1-3/10"),
    ],
)
def test_one_range_is_answered_with_its_octets(
    tree: FileTree, field: str, content: bytes, content_range: str
) -> None:
    """RFC 9110 §15.3.7.1: a part has all the fields of the whole."""
    whole = ask(tree, "/static/file.txt")
    answer = ask(tree, "/static/file.txt", f"Range: {field}")

    assert (answer.status, answer.content) == (206, content)
    assert answer.content_length == len(content)
    assert answer.fields == {**whole.fields, "Content-Range": content_range}


def parts_of(answer: Received) -> list[tuple[str, str, bytes]]:
    """Read type, range and octets of each part by the standard library's MIME parser."""
    head = f"Content-Type: {answer['Content-Type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + answer.content).walk()
    found = []
    for part in list(parts)[1:]:
        octets = part.get_payload(decode=True)
        assert isinstance(octets, bytes)
        found.append((part["Content-Type"], part["Content-Range"], octets))
    return found


def test_several_ranges_make_a_multipart_answer(tree: FileTree) -> None:
    whole = ask(tree, "/static/file.txt")
    answer = ask(tree, "/static/file.txt", "Range: bytes=8-9, 0-1, 99-, 4-4")

    assert answer.status == 206
    assert answer.content_length == len(answer.content)
    assert answer.fields == {**whole.fields, "Content-Type": answer["Content-Type"]}
    assert parts_of(answer) == [
        ("text/plain; charset=utf-8", "bytes 8-9/10", b"89"),
        ("text/plain; charset=utf-8", "bytes 0-1/10", b"01"),
        ("text/plain; charset=utf-8", "bytes 4-4/10", b"4"),
    ]


def test_multipart_boundaries_are_random(tree: FileTree) -> None:
    types = {
        ask(tree, "/static/file.txt", "Range: bytes=0-0,9-9")["Content-Type"] for _ in range(5)
    }

    assert len(types) == 5


def test_ranges_of_a_large_file_are_not_read_early(tree: FileTree, served: Path) -> None:
    octets = os.urandom(300_000)
    make(served / "big", octets)
    answer = ask(tree, "/static/big", "Range: bytes=0-99999,200000-299999")

    assert answer.from_file
    assert answer.content_length == len(answer.content)
    assert [part[2] for part in parts_of(answer)] == [octets[:100_000], octets[200_000:]]
    assert ask(tree, "/static/big").content == octets
    assert ask(tree, "/static/big").from_file


def test_a_file_outside_the_page_cache_is_sent_equally(tree: FileTree, served: Path) -> None:
    octets = os.urandom(60_000)
    with make(served / "cold", octets).open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    for field in ("X: y", "Range: bytes=0-", "Range: bytes=0-29999,30001-"):
        answer = ask(tree, "/static/cold", field)
        assert answer.content_length == len(answer.content)
        assert octets[:30_000] in answer.content
        assert octets[30_001:] in answer.content


@pytest.mark.parametrize("path", ["file.txt", "empty"])
def test_a_range_beyond_the_end_gets_416_with_the_length(tree: FileTree, path: str) -> None:
    """RFC 9110 §15.5.17."""
    answer = ask(tree, f"/static/{path}", "Range: bytes=10-")
    length = 10 if path == "file.txt" else 0

    assert (answer.status, answer.content) == (416, b"Range Not Satisfiable")
    assert answer["Content-Range"] == f"bytes */{length}"
    assert not {"ETag", "Last-Modified"} & answer.fields.keys()


@pytest.mark.parametrize(
    "field", ["lines=0-1", "bytes=5-4", "bytes=x", "bytes=0-0," + "0-0," * 500, "bytes=", "0-4"]
)
def test_a_meaningless_range_is_ignored(tree: FileTree, field: str) -> None:
    answer = ask(tree, "/static/file.txt", f"Range: {field}")

    assert (answer.status, answer.content) == (200, CONTENT)


def test_if_range_selects_the_part_or_the_new_whole(tree: FileTree) -> None:
    etag = etag_of(tree, "/static/file.txt")

    def status(validator: str) -> int:
        return ask(
            tree, "/static/file.txt", f"If-Range: {validator}", "Range: bytes=0-0,99-"
        ).status

    assert [status(etag), status(MODIFIED)] == [206, 206]
    assert [status('"x"'), status(f"W/{etag}"), status(imf_fixdate(LONG_AGO + 1))] == [200] * 3
    answer = ask(tree, "/static/file.txt", 'If-Range: "x"', "Range: bytes=99-")
    assert (answer.status, answer.content) == (200, CONTENT)


def test_if_range_without_a_range_is_ignored(tree: FileTree) -> None:
    """RFC 9110 §13.1.5."""
    assert ask(tree, "/static/file.txt", 'If-Range: "x"').status == 200


def test_preconditions_come_before_ranges(tree: FileTree) -> None:
    """RFC 9110 §14.2."""
    etag = etag_of(tree, "/static/file.txt")
    ranged = ("Range: bytes=99-", f"If-Range: {etag}")

    assert ask(tree, "/static/file.txt", f"If-None-Match: {etag}", *ranged).status == 304
    assert ask(tree, "/static/file.txt", 'If-Match: "x"', *ranged).status == 412
    assert ask(tree, "/static/file.txt", f"If-Match: {etag}", *ranged).status == 416


SPECS = st.one_of(
    st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda ends: f"{ends[0]}-{ends[1]}"),
    st.integers(0, 12).map("{}-".format),
    st.integers(0, 12).map("-{}".format),
)


@given(st.lists(SPECS, max_size=8))
@settings(DETERMINISTIC, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_ranges_make_an_answer_longer_than_the_file(tree: FileTree, specs: list[str]) -> None:
    answer = ask(tree, "/static/file.txt", f"Range: bytes={','.join(specs)}")

    assert answer.status in (200, 206, 416)
    assert answer.content_length == len(answer.content)
    if answer.status == 200:
        assert answer.content == CONTENT
    elif "Content-Range" in answer.fields:
        holds(answer["Content-Range"], answer.content if answer.status == 206 else b"")
    else:
        parts = parts_of(answer)
        assert len(parts) > 1
        assert sum(len(octets) for _, _, octets in parts) <= len(CONTENT)
        for _, content_range, octets in parts:
            holds(content_range, octets)


def holds(content_range: str, octets: bytes) -> None:
    if match := re.fullmatch(r"bytes (\d+)-(\d+)/10", content_range):
        assert octets == CONTENT[int(match[1]) : int(match[2]) + 1]
    else:
        assert (content_range, octets) == ("bytes */10", b"")
