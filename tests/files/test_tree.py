"""Answers to requests for files: found or not, fresh or not, whole or in parts."""

from __future__ import annotations

import os
import re
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from hamms_trio.files import FileTree, Root
from tests.files.answers import (
    CONTENT,
    LONG_AGO,
    MODIFIED,
    ask,
    etag_of,
    make,
    request,
    settled,
    wait_for_another_time,
)
from tests.files.conftest import unprivileged


@pytest.fixture
def listed(served: Path, tree: FileTree) -> FileTree:
    return FileTree(root=Root(served), listing=True, clock=settled)


def test_a_file_is_answered_with_its_octets_and_metadata(tree: FileTree) -> None:
    answer = ask(tree, "/static/file.txt")

    assert (answer.status, answer.content, answer.content_length) == (200, CONTENT, 10)
    etag = answer.fields.pop("ETag")
    assert re.fullmatch(r'"[0-9a-f-]+"', etag)
    assert answer.fields == {
        "Content-Type": "text/plain; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "Last-Modified": MODIFIED,
        "Vary": "Accept-Encoding",
    }


@pytest.mark.parametrize("fields", [(), ("Range: bytes=0-3",)])
@pytest.mark.parametrize("path", ["file.txt", "with-index/", "empty", "big"])
def test_head_has_the_fields_of_get_without_content(
    tree: FileTree, served: Path, path: str, fields: tuple[str, ...]
) -> None:
    make(served / "big", bytes(200_000))

    head = ask(tree, f"/static/{path}", *fields, method="HEAD")
    get = ask(tree, f"/static/{path}")

    assert head.content == b""
    assert (head.status, head.fields, head.content_length) == (200, get.fields, len(get.content))


@pytest.mark.parametrize(
    "field", ["If-None-Match: *", "If-Match: *", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"]
)
@pytest.mark.parametrize("path", ["missing", "..", "%00", "plain/", "plain"])
def test_preconditions_do_not_change_an_error(tree: FileTree, path: str, field: str) -> None:
    """RFC 9110 §13.2.1."""
    assert ask(tree, f"/static/{path}", field).status in (400, 403, 404)


# A path, without /static/ before it, and the status of its answer.
NOT_FOUND: dict[str, int] = {
    "missing": 404,
    "file.txt/": 404,
    "file.txt/x": 404,
    "plain/": 404,
    "plain": 404,
    "": 404,
    "x" * 300: 404,
    "a/" * 3000: 404,
    "plain//x.bin": 404,
    "plain%2fx.bin": 404,
    "plain%5cx.bin": 404,
    "fifo": 404,
    "loop": 404,
    "dangling": 404,
    "%252e%252e/secret.txt": 404,
    "%00": 400,
    "file.txt%00.html": 400,
    "file.txt%0": 400,
    "%zz": 400,
    "../secret.txt": 403,
    "%2e%2e/secret.txt": 403,
    "..%2fsecret.txt": 403,
    "/etc/passwd": 403,
    "%2fetc/passwd": 403,
    "plain/../../secret.txt": 403,
    "out/secret.txt": 403,
    "secret": 403,
    "plain/../out/secret.txt": 403,
}


@pytest.mark.parametrize(("path", "status"), NOT_FOUND.items(), ids=[p[:40] for p in NOT_FOUND])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_path_without_a_file_has_its_error_status(
    tree: FileTree, served: Path, path: str, status: int, method: str
) -> None:
    os.mkfifo(served / "fifo")
    (served / "out").symlink_to("..")
    (served / "secret").symlink_to(served.parent / "secret.txt")
    (served / "loop").symlink_to("loop")
    (served / "dangling").symlink_to("nowhere")

    answer = ask(tree, f"/static/{path}", method=method)

    assert answer.status == status
    assert answer.fields["Content-Type"] == "text/plain; charset=utf-8"
    assert method == "HEAD" or answer.content in (b"Not Found", b"Forbidden", b"Bad Request")


def test_a_backslash_is_part_of_a_name(tree: FileTree) -> None:
    for path in ("..\\secret.txt", "..%5csecret.txt", "%5c..%5csecret.txt", "plain%5c..%5cx.bin"):
        assert ask(tree, f"/static/{path}").status == 404


def test_unreadable_files_and_directories_are_forbidden(public: Path) -> None:
    make(public / "file", b"private").chmod(0)
    make(public / "directory" / "file", b"private")
    (public / "directory").chmod(0o311)
    tree = FileTree(root=Root(public), listing=True)
    with unprivileged():
        assert [ask(tree, path).status for path in ("/file", "/directory/")] == [403, 403]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW", "get"])
@pytest.mark.parametrize("path", ["file.txt", "with-index/", "with-index", "empty"])
def test_other_methods_get_405_with_allow(tree: FileTree, path: str, method: str) -> None:
    answer = ask(tree, f"/static/{path}", "If-None-Match: *", "Range: bytes=99-", method=method)

    assert (answer.status, answer["Allow"]) == (405, "GET, HEAD")
    assert answer.content == b"Method Not Allowed"


@pytest.mark.parametrize("path", ["/", "/stat", "/staticx", "/static.txt", "/other/file.txt"])
def test_a_path_outside_the_prefix_is_not_found(tree: FileTree, path: str) -> None:
    assert ask(tree, path).status == 404


REDIRECTS = [
    ("/static", "/static/"),
    ("/static?x=y", "/static/?x=y"),
    ("/static/with-index", "/static/with-index/"),
    ("/static/with-index?a=b&c", "/static/with-index/?a=b&c"),
    ("/static/./plain/../with-index", "/static/with-index/"),
    ("/static/%77ith-index", "/static/with-index/"),
    ("/static/%5Cevil.example", "/static/%5Cevil.example/"),
    ("/static/a:b%22%3C%0d%0aX:y", "/static/a%3Ab%22%3C%0D%0AX%3Ay/"),
]


@pytest.mark.parametrize(("path", "location"), REDIRECTS)
def test_a_directory_without_slash_is_redirected(
    tree: FileTree, served: Path, path: str, location: str
) -> None:
    make(served / "\\evil.example" / "index.html")
    make(served / 'a:b"<\r\nX:y' / "index.html")

    answer = ask(tree, path)

    assert (answer.status, answer["Location"]) == (301, location)


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example/../plain", "/.//evil.example", "/%2fevil.example"]
)
def test_no_redirect_leads_to_another_host(listed: FileTree, served: Path, path: str) -> None:
    (served / "evil.example").mkdir()
    (served / "\\evil.example").mkdir()

    location = ask(listed, path).fields.get("Location", "/plain/")

    assert location == "/plain/"


def test_an_index_stands_for_its_directory(tree: FileTree) -> None:
    answer = ask(tree, "/static/with-index/")

    assert (answer.status, answer.content) == (200, b"<p>index")
    assert answer["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "status"), [("/static/trap/", 404), ("/static/way-out/", 403), ("/static/trap", 404)]
)
def test_an_index_that_is_not_a_file_is_ignored(
    tree: FileTree, served: Path, path: str, status: int
) -> None:
    (served / "trap" / "index.html").mkdir(parents=True)
    (served / "way-out").mkdir()
    (served / "way-out" / "index.html").symlink_to("../../secret.txt")

    assert ask(tree, path).status == status


def test_a_query_makes_no_difference(tree: FileTree) -> None:
    assert ask(tree, "/static/file.txt?v=1&../..").content == CONTENT


def test_an_absolute_target_is_served_by_its_path(tree: FileTree) -> None:
    assert ask(tree, "http://a/static/file.txt").content == CONTENT


def test_a_304_has_only_the_fields_for_caches(tree: FileTree) -> None:
    """RFC 9110 §15.4.5."""
    etag = etag_of(tree, "/static/file.txt")
    for field in (f"If-None-Match: {etag}", f"If-Modified-Since: {MODIFIED}"):
        for method in ("GET", "HEAD"):
            answer = ask(tree, "/static/file.txt", field, "Range: bytes=99-", method=method)

            assert (answer.status, answer.content) == (304, b"")
            assert answer.fields == {"ETag": etag, "Vary": "Accept-Encoding"}
            assert answer.content_length is None


def test_a_412_describes_nothing_of_the_file(tree: FileTree) -> None:
    for field in ('If-Match: "x"', "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"):
        answer = ask(tree, "/static/file.txt", field, "Range: bytes=0-0")

        assert (answer.status, answer.content) == (412, b"Precondition Failed")
        assert answer.fields.keys() == {"Content-Type", "X-Content-Type-Options", "Vary"}


def test_repeated_fields_are_one_list(tree: FileTree) -> None:
    etag = etag_of(tree, "/static/file.txt")

    answer = ask(tree, "/static/file.txt", 'If-None-Match: "a"', f"if-none-match: {etag}")

    assert answer.status == 304


def change_content(path: Path) -> None:
    make(path, b"9876543210")  # the same length and time as before


def change_time(path: Path) -> None:
    os.utime(path, (LONG_AGO + 1, LONG_AGO + 1))


def change_length(path: Path) -> None:
    make(path, b"0123456789a")


def replace(path: Path) -> None:
    other = make(path.with_name("other"), b"9876543210")
    other.replace(path)


@pytest.mark.parametrize("change", [change_content, change_time, change_length, replace])
def test_each_state_of_a_file_has_its_own_tag(tree: FileTree, served: Path, change: object) -> None:
    before = etag_of(tree, "/static/file.txt")
    assert etag_of(tree, "/static/file.txt") == before
    assert callable(change)
    wait_for_another_time(served)
    change(served / "file.txt")

    assert etag_of(tree, "/static/file.txt") != before


def test_the_tag_of_a_fresh_file_is_weak(served: Path) -> None:
    """RFC 9110 §8.8.1: a file system may note the same time for two changes."""
    changed = make(served / "file.txt", CONTENT).stat().st_ctime
    at_once, later = (
        FileTree(root=Root(served), clock=lambda after=after: changed + after)  # type: ignore[misc]
        for after in (0.5, 2.0)
    )
    weak, strong = etag_of(at_once, "/file.txt"), etag_of(later, "/file.txt")

    assert weak.startswith("W/")
    assert not strong.startswith("W/")
    assert ask(at_once, "/file.txt", f"If-None-Match: {weak}").status == 304
    assert ask(later, "/file.txt", f"If-None-Match: {weak}").status == 200
    assert ask(at_once, "/file.txt", f"If-Range: {weak}", "Range: bytes=0-0").status == 200
    assert ask(later, "/file.txt", f"If-Range: {strong}", "Range: bytes=0-0").status == 206


def test_last_modified_is_never_in_the_future(served: Path) -> None:
    """RFC 9110 §8.8.2.1."""
    make(served / "file.txt", modified=LONG_AGO + 1000)
    tree = FileTree(root=Root(served), clock=lambda: LONG_AGO + 0.9)

    assert ask(tree, "/file.txt")["Last-Modified"] == MODIFIED


def test_last_modified_before_1970_is_sent_as_1970(served: Path) -> None:
    make(served / "file.txt", modified=-1000)
    tree = FileTree(root=Root(served))

    assert ask(tree, "/file.txt")["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"


TYPES = {
    "a.html": "text/html; charset=utf-8",
    "A.HTML": "text/html; charset=utf-8",
    "a.css": "text/css; charset=utf-8",
    "a.js": "text/javascript; charset=utf-8",
    "a.mjs": "text/javascript; charset=utf-8",
    "a.json": "application/json",
    "a.svg": "image/svg+xml",
    "a.png": "image/png",
    "a.wasm": "application/wasm",
    "a.woff2": "font/woff2",
    "a.tar.gz": "application/gzip",
    "a.min.js": "text/javascript; charset=utf-8",
    "a.unheard-of": "application/octet-stream",
    "html": "application/octet-stream",
    "README": "application/octet-stream",
    "a.": "application/octet-stream",
    ".html": "text/html; charset=utf-8",
    "a.html%ff": "application/octet-stream",
    "a.%ffhtml": "application/octet-stream",
}


@pytest.mark.parametrize(("name", "media_type"), TYPES.items())
def test_the_type_follows_from_the_extension(
    tree: FileTree, served: Path, name: str, media_type: str
) -> None:
    file = os.fsencode(served) + b"/" + name.replace("%ff", "\xff").encode("latin-1")
    make(Path(os.fsdecode(file)))

    answer = ask(tree, f"/static/{name}")

    assert answer["Content-Type"] == media_type
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_file_that_shrinks_keeps_its_announced_length(served: Path) -> None:
    """All fields of an answer come from one look at the file."""
    path = make(served / "file", bytes(200_000))
    tree = FileTree(root=Root(served))
    answer = tree.answer(request("/file"))
    os.truncate(path, 10)

    assert answer.content_length == 200_000
    assert [len(part) if isinstance(part, bytes) else part.octets for part in answer.parts] == [
        200_000
    ]
    answer.close()


def test_closing_an_answer_twice_closes_one_descriptor(served: Path) -> None:
    make(served / "file", bytes(200_000))
    tree = FileTree(root=Root(served))
    answer = tree.answer(request("/file"))
    answer.close()
    with (served / "file").open() as other:
        answer.close()
        assert os.fstat(other.fileno()).st_size == 200_000


def test_no_answer_leaves_a_file_open(listed: FileTree, served: Path) -> None:
    make(served / "big", bytes(200_000))
    make(served / "big.gz", bytes(150_000))
    before = len(os.listdir("/dev/fd"))

    for path in ("/file.txt", "/big", "/", "/missing", "/plain", "/with-index/", "/empty"):
        for method in ("GET", "HEAD", "POST"):
            for field in (
                "If-None-Match: *",
                'If-Match: "x"',
                "Range: bytes=0-0",
                "Range: bytes=0-99999,150000-",
                "Range: bytes=999999-",
                "Accept-Encoding: gzip, br",
                "Accept-Encoding: *;q=0",
            ):
                ask(listed, path, field, method=method)
    assert len(os.listdir("/dev/fd")) == before


def test_a_lack_of_descriptors_is_a_503(tree: FileTree) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as taken:
        taken.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        free = os.dup(0)
        os.close(free)  # leaves one descriptor
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
        answer = tree.answer(request("/static/file.txt"))

    assert (answer.status, dict(answer.fields)["Retry-After"]) == (503, "1")


def test_the_default_clock_is_the_system_s(served: Path) -> None:
    make(served / "file.txt")
    assert FileTree(root=Root(served)).clock is time.time
