"""Files that lie coded beside the ones asked for (RFC 9110 §8.4, §12.5.3)."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from hamms_trio.files import FileTree, Root
from tests.files.answers import LONG_AGO, ask, make, settled

PLAIN, BR, ZSTD, GZIP = b"plain" * 20, b"br" * 5, b"zstd" * 5, b"gzip" * 10


@pytest.fixture
def tree(served: Path) -> FileTree:
    make(served / "page.html", PLAIN)
    make(served / "page.html.br", BR)
    make(served / "page.html.zst", ZSTD)
    make(served / "page.html.gz", GZIP)
    make(served / "alone.html", PLAIN)
    return FileTree(root=Root(served), clock=settled)


CHOICES: list[tuple[str | None, bytes, str | None]] = [
    (None, PLAIN, None),
    ("", PLAIN, None),
    ("identity", PLAIN, None),
    ("gzip", GZIP, "gzip"),
    ("x-gzip", GZIP, "gzip"),
    ("br", BR, "br"),
    ("zstd", ZSTD, "zstd"),
    ("deflate", PLAIN, None),
    ("gzip, deflate, br, zstd", BR, "br"),  # all the same: the smallest
    ("gzip, deflate", GZIP, "gzip"),
    ("gzip;q=1.0, br;q=0.5", GZIP, "gzip"),
    ("gzip;q=0.5, br;q=0.4, zstd;q=0.6", ZSTD, "zstd"),
    ("gzip;q=0", PLAIN, None),
    ("gzip;q=0, *", BR, "br"),
    ("*;q=0.1", BR, "br"),
    ("identity, gzip;q=0.9", PLAIN, None),
    ("gzip;q=0.001", GZIP, "gzip"),
    ("gzip;q=1.0, identity; q=0.5, *;q=0", GZIP, "gzip"),
    ("gzip;q=2", PLAIN, None),
]


@pytest.mark.parametrize(("accept", "content", "coding"), CHOICES)
def test_the_variant_with_the_highest_quality_is_sent(
    tree: FileTree, accept: str | None, content: bytes, coding: str | None
) -> None:
    fields = [] if accept is None else [f"Accept-Encoding: {accept}"]
    answer = ask(tree, "/page.html", *fields)

    assert (answer.status, answer.content) == (200, content)
    assert answer.fields.get("Content-Encoding") == coding
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer["Vary"] == "Accept-Encoding"


def test_without_variants_every_client_that_accepts_identity_gets_the_file(tree: FileTree) -> None:
    answer = ask(tree, "/alone.html", "Accept-Encoding: gzip, br")

    assert (answer.content, answer["Vary"]) == (PLAIN, "Accept-Encoding")
    assert "Content-Encoding" not in answer.fields


@pytest.mark.parametrize("accept", ["identity;q=0", "*;q=0", "identity;q=0, gzip"])
def test_a_client_that_accepts_no_available_coding_gets_406(tree: FileTree, accept: str) -> None:
    answer = ask(tree, "/alone.html", f"Accept-Encoding: {accept}")

    assert (answer.status, answer["Vary"]) == (406, "Accept-Encoding")


def test_a_client_that_refuses_identity_gets_a_coded_variant(tree: FileTree) -> None:
    assert ask(tree, "/page.html", "Accept-Encoding: identity;q=0, gzip").content == GZIP


def test_each_variant_has_its_own_entity_tag(tree: FileTree) -> None:
    accepted = ("identity", "br", "zstd", "gzip")
    tags = {
        coding: ask(tree, "/page.html", f"Accept-Encoding: {coding}")["ETag"] for coding in accepted
    }

    assert len(set(tags.values())) == 4
    assert not any(tag.startswith("W/") for tag in tags.values())
    for coding, other in combinations(accepted, 2):
        asked = (f"Accept-Encoding: {coding}", f"If-None-Match: {tags[other]}")
        assert ask(tree, "/page.html", *asked).status == 200
        own = (f"Accept-Encoding: {coding}", f"If-None-Match: {tags[other]}, {tags[coding]}")
        assert ask(tree, "/page.html", *own).status == 304


def test_a_range_of_a_variant_counts_coded_octets(tree: FileTree) -> None:
    answer = ask(tree, "/page.html", "Accept-Encoding: gzip", "Range: bytes=-4")

    assert (answer.status, answer.content) == (206, GZIP[-4:])
    assert answer["Content-Range"] == f"bytes {len(GZIP) - 4}-{len(GZIP) - 1}/{len(GZIP)}"
    assert answer["Content-Encoding"] == "gzip"


def test_a_variant_older_than_its_file_is_passed_over(tree: FileTree, served: Path) -> None:
    make(served / "page.html", PLAIN, modified=LONG_AGO + 1)
    make(served / "page.html.gz", GZIP, modified=LONG_AGO + 1)

    assert ask(tree, "/page.html", "Accept-Encoding: br").content == PLAIN
    assert ask(tree, "/page.html", "Accept-Encoding: gzip").content == GZIP


def test_a_file_whose_variant_is_larger_is_sent_uncoded(tree: FileTree, served: Path) -> None:
    make(served / "tiny.txt", b"x")
    make(served / "tiny.txt.gz", b"x" * 20)

    assert ask(tree, "/tiny.txt", "Accept-Encoding: gzip, identity").content == b"x"


def test_variants_that_are_no_files_or_lead_out_are_passed_over(
    tree: FileTree, served: Path
) -> None:
    (served / "alone.html.gz").mkdir()
    (served / "alone.html.br").symlink_to("../secret.txt")
    (served / "alone.html.zst").symlink_to("alone.html.zst")

    answer = ask(tree, "/alone.html", "Accept-Encoding: gzip, br, zstd")

    assert (answer.status, answer.content) == (200, PLAIN)


def test_a_coded_file_asked_for_by_its_name_is_no_variant(tree: FileTree) -> None:
    answer = ask(tree, "/page.html.gz", "Accept-Encoding: gzip")

    assert (answer.content, answer["Content-Type"]) == (GZIP, "application/gzip")
    assert "Content-Encoding" not in answer.fields


def test_an_index_has_variants_too(tree: FileTree, served: Path) -> None:
    make(served / "d" / "index.html", PLAIN)
    make(served / "d" / "index.html.gz", GZIP)

    assert ask(tree, "/d/", "Accept-Encoding: gzip").content == GZIP


def test_a_variant_without_its_file_is_not_found(tree: FileTree, served: Path) -> None:
    make(served / "only.txt.gz", GZIP)

    assert ask(tree, "/only.txt", "Accept-Encoding: gzip").status == 404


def test_variants_can_be_switched_off(served: Path, tree: FileTree) -> None:
    plain = FileTree(root=Root(served), precompressed=False)
    answer = ask(plain, "/page.html", "Accept-Encoding: gzip;q=1, identity;q=0")

    assert answer.content == PLAIN
    assert "Vary" not in answer.fields
