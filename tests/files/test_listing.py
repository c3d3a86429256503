"""Directories as pages."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from hamms_trio.files import FileTree, Root
from hamms_trio.files.listing import MAX_ENTRIES, DirectoryEntry, page
from tests.files.answers import ask, make


@pytest.fixture
def tree(served: Path) -> FileTree:
    return FileTree(root=Root(served), listing=True)


class Links(HTMLParser):
    """A parser that collects a page's links with their texts, and all elements."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.elements: set[str] = set()
        self._href: str | None = None
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag == "a":
            self._href = dict(attrs)["href"]

    def handle_data(self, data: str) -> None:
        if self._href is not None:
            self.links.append((self._href, data))
            self._href = None


HOSTILE = [
    b"<script>alert(1)</script>".replace(b"/", b"\xe2\x88\x95"),
    b'"onmouseover="alert(1)',
    b"javascript:alert(1)",
    b"a&amp;b",
    b"a?b#c",
    b"100%",
    b"%2e%2e",
    b" space ",
    b"new\nline",
    b"\x1b[31m",
    b"\xff\xfe",
    "ä".encode(),
    "\u202egpj.exe".encode(),
    b"'",
    b"back\\slash",
    b"a+b",
    b"-",
    b"...",
    b"n" * 255,
]


def test_directories_come_first_and_names_are_sorted(tree: FileTree, served: Path) -> None:
    for name in ("b.txt", "a.txt", "Z.txt"):
        make(served / name, b"x" * 1234)
    for name in ("z", "y"):
        (served / name).mkdir()

    answer = ask(tree, "/")

    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert Links(answer.content).links == [
        ("y/", "y/"),
        ("z/", "z/"),
        ("Z.txt", "Z.txt"),
        ("a.txt", "a.txt"),
        ("b.txt", "b.txt"),
    ]
    assert b"<small>1,234 bytes</small>" in answer.content


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
@pytest.mark.parametrize("is_directory", [False, True], ids=["file", "directory"])
def test_every_link_leads_to_the_entry_it_shows(
    tree: FileTree, served: Path, name: bytes, is_directory: bool
) -> None:
    there = served / "d" / os.fsdecode(name)
    make(there / "index.html" if is_directory else there, b"found")

    listing = ask(tree, "/d/")
    found = Links(listing.content)
    (up, (href, _)) = found.links

    assert up == ("../", "../")
    url = urlsplit(urljoin("http://host/d/", href))
    assert (url.netloc, url.query, url.fragment) == ("host", "", "")
    assert url.path.startswith("/d/")
    assert ask(tree, url.path).content == b"found"
    assert found.elements == {
        "html", "head", "meta", "title", "style", "body", "h1", "ul", "li", "a", "bdi"
    } | (set() if is_directory else {"small"})  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_directorys_own_name_does_no_harm(tree: FileTree, served: Path, name: bytes) -> None:
    (served / os.fsdecode(name)).mkdir()
    (href, _) = Links(ask(tree, "/").content).links[0]

    listing = ask(tree, "/" + href)

    assert listing.status == 200
    assert not {"script", "img"} & Links(listing.content).elements
    (style,) = re.findall(b"<style>(.*?)</style>", listing.content, re.DOTALL)
    allowed = b64encode(sha256(style).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'"
    assert listing["Content-Security-Policy"] == policy


def test_a_listing_leaves_out_entries_that_are_not_served(tree: FileTree, served: Path) -> None:
    os.mkfifo(served / "fifo")
    (served / "dangling").symlink_to("nowhere")
    (served / "loop").symlink_to("loop")
    (served / "out").symlink_to("../outside")
    (served / "secret").symlink_to(served.parent / "secret.txt")
    (served / "in").symlink_to("directory")
    (served / "absolute").symlink_to(served / "file")
    (served / "directory").mkdir()
    make(served / "file")

    links = Links(ask(tree, "/").content).links

    assert [href for href, _ in links] == ["directory/", "in/", "absolute", "file"]


def test_the_root_page_has_no_link_to_a_parent(tree: FileTree) -> None:
    assert Links(ask(tree, "/").content).links == []


def test_a_directory_without_its_slash_is_redirected(tree: FileTree, served: Path) -> None:
    (served / "d").mkdir()

    assert ask(tree, "/d")["Location"] == "/d/"


def test_a_listing_is_revalidated_by_its_tag(tree: FileTree, served: Path) -> None:
    make(served / "file")
    etag = ask(tree, "/")["ETag"]

    assert ask(tree, "/", f"If-None-Match: {etag}").status == 304
    make(served / "another")
    assert ask(tree, "/", f"If-None-Match: {etag}").status == 200


def test_head_of_a_listing_has_its_length(tree: FileTree, served: Path) -> None:
    make(served / "file")
    head, get = ask(tree, "/", method="HEAD"), ask(tree, "/")

    assert (head.content, head.content_length) == (b"", len(get.content))


def test_a_long_page_says_that_it_is_cut(tree: FileTree) -> None:
    some = [DirectoryEntry(b"%d" % number, 0) for number in range(MAX_ENTRIES + 1)]

    assert b"there are more" not in page((), some[:-1])
    assert b"there are more" in page((), some)
    assert len(Links(page((), some)).links) == MAX_ENTRIES
