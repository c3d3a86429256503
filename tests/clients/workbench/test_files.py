"""Files from the file server to each client: conditions, ranges, content codings, listings."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import brotli
import pytest
import zstandard

from tests.clients.programs import NodeHttpSession
from tests.clients.sessions import HttpClientSession, Session
from tests.clients.workbench.server import served
from tests.files.answers import make
from tests.http.commands import Running

BIG = random.Random(1).randbytes(1 << 20)
PAGE = "<p>Grüße".encode() * 1000
AT_ONCE = 16


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    site = tmp_path_factory.mktemp("site")
    make(site / "big", BIG)
    make(site / "page.html", PAGE)
    make(site / "page.html.gz", gzip.compress(PAGE))
    make(site / "page.html.br", brotli.compress(PAGE))
    make(site / "page.html.zst", zstandard.compress(PAGE))
    with served(str(site), "--no-access-log", command="files") as running:
        yield running


def test_a_megabyte_arrives_as_it_is(session: Session, files: Running) -> None:
    assert session.get(f"{files.url}/big").body == BIG
    with session.stream(f"{files.url}/big") as pieces:
        assert b"".join(pieces) == BIG


def test_concurrent_downloads_arrive_whole(session: Session, files: Running) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = threads.map(session.get, [f"{files.url}/big"] * AT_ONCE)
        assert all(answer.body == BIG for answer in answers)


def test_a_matching_validator_gets_304(session: Session, workbench: Running) -> None:
    url = f"{workbench.url}/static/test.html"
    page = session.get(url)
    known = session.get(url, {"If-None-Match": f'"another", {page.fields["etag"]}'})
    unknown = session.get(url, {"If-None-Match": '"another"'})
    since = session.get(url, {"If-Modified-Since": page.fields["last-modified"]})

    assert (known.status, known.body) == (304, b"")
    assert known.fields["etag"] == page.fields["etag"]
    assert unknown == page
    assert (since.status, since.body) == (304, b"")


def test_a_range_request_gets_206_or_416(session: Session, files: Running) -> None:
    url = f"{files.url}/big"
    part = session.get(url, {"Range": "bytes=1000000-"})
    beyond = session.get(url, {"Range": f"bytes={len(BIG)}-"})

    assert (part.status, part.body) == (206, BIG[1000000:])
    assert part.fields["content-range"] == f"bytes 1000000-{len(BIG) - 1}/{len(BIG)}"
    assert beyond.status == 416
    assert beyond.fields["content-range"] == f"bytes */{len(BIG)}"


def test_the_ranges_of_a_file_add_up_to_the_file(session: Session, files: Running) -> None:
    ranges = [(at, min(at + 300_000, len(BIG)) - 1) for at in range(0, len(BIG), 300_000)]
    parts = [session.get(f"{files.url}/big", {"Range": f"bytes={a}-{b}"}) for a, b in ranges]

    assert [part.status for part in parts] == [206] * len(ranges)
    assert b"".join(part.body for part in parts) == BIG


def test_a_precompressed_page_is_decoded_by_the_client(session: Session, files: Running) -> None:
    url = f"{files.url}/page.html"
    for coding in ("gzip", "br", "zstd"):
        if coding in session.decodes:
            page = session.get(url, {"Accept-Encoding": coding})

            assert page.body == PAGE
            assert page.fields["content-encoding"] == coding
            assert int(page.fields.get("content-length", "0")) < len(PAGE)


def test_a_page_has_a_coding_that_the_client_accepts(session: Session, files: Running) -> None:
    page = session.get(f"{files.url}/page.html")

    assert page.body == PAGE
    assert page.fields["vary"] == "Accept-Encoding"
    if isinstance(session, HttpClientSession | NodeHttpSession):
        assert "content-encoding" not in page.fields


def test_a_listing_links_to_its_files(session: Session, files: Running) -> None:
    listing = session.get(f"{files.url}/")

    assert listing.fields["content-type"] == "text/html; charset=utf-8"
    assert b'href="big"' in listing.body
