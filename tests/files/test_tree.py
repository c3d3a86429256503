"""Answers to requests for files: found or not, fresh or not, whole or in parts."""

from __future__ import annotations

import email
import os
import re
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from hamms_trio.files import FileTree, Root
from hamms_trio.wire.fields.dates import imf_fixdate
from tests.files.asking import (
    LONG_AGO,
    Received,
    ask,
    make,
    request,
    settled,
    wait_for_another_time,
)
from tests.files.conftest import unprivileged
from tests.wire.playing import DETERMINISTIC

MODIFIED = imf_fixdate(LONG_AGO)
CONTENT = b"0123456789"


@pytest.fixture
def tree(served: Path) -> FileTree:
    make(served / "file.txt", CONTENT)
    make(served / "empty")
    make(served / "with-index" / "index.html", b"<p>index")
    make(served / "plain" / "x.bin", b"x")
    return FileTree(root=Root(served), prefix="/static/", clock=settled)


@pytest.fixture
def listed(served: Path, tree: FileTree) -> FileTree:
    return FileTree(root=Root(served), listing=True, clock=settled)


def test_a_file_is_its_octets_and_says_what_it_is(tree: FileTree) -> None:
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
def test_head_is_told_what_get_would_be_sent_without_it(
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
def test_preconditions_say_nothing_about_what_cant_be_had(
    tree: FileTree, path: str, field: str
) -> None:
    """RFC 9110 §13.2.1."""
    assert ask(tree, f"/static/{path}", field).status in (400, 403, 404)


# Path and status with /static/ before it.
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
def test_what_cant_be_had_is_refused(
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


def test_a_backslash_leads_nowhere(tree: FileTree) -> None:
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
def test_other_methods_are_told_which_there_are(tree: FileTree, path: str, method: str) -> None:
    answer = ask(tree, f"/static/{path}", "If-None-Match: *", "Range: bytes=99-", method=method)

    assert (answer.status, answer["Allow"]) == (405, "GET, HEAD")
    assert answer.content == b"Method Not Allowed"


@pytest.mark.parametrize("path", ["/", "/stat", "/staticx", "/static.txt", "/other/file.txt"])
def test_a_tree_is_beneath_its_prefix(tree: FileTree, path: str) -> None:
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
def test_a_directory_is_found_at_its_slash(
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
def test_an_index_that_is_no_file_is_no_index(
    tree: FileTree, served: Path, path: str, status: int
) -> None:
    (served / "trap" / "index.html").mkdir(parents=True)
    (served / "way-out").mkdir()
    (served / "way-out" / "index.html").symlink_to("../../secret.txt")

    assert ask(tree, path).status == status


def test_a_query_makes_no_difference(tree: FileTree) -> None:
    assert ask(tree, "/static/file.txt?v=1&../..").content == CONTENT


def test_an_absolute_target_means_its_path(tree: FileTree) -> None:
    assert ask(tree, "http://a/static/file.txt").content == CONTENT


def etag_of(tree: FileTree, path: str, *fields: str) -> str:
    return ask(tree, path, *fields)["ETag"]


def test_a_304_has_what_caches_go_by_and_nothing_else(tree: FileTree) -> None:
    """RFC 9110 §15.4.5."""
    etag = etag_of(tree, "/static/file.txt")
    for field in (f"If-None-Match: {etag}", f"If-Modified-Since: {MODIFIED}"):
        for method in ("GET", "HEAD"):
            answer = ask(tree, "/static/file.txt", field, "Range: bytes=99-", method=method)

            assert (answer.status, answer.content) == (304, b"")
            assert answer.fields == {"ETag": etag, "Vary": "Accept-Encoding"}
            assert answer.content_length is None


def test_a_failed_precondition_is_said_and_nothing_about_the_file(tree: FileTree) -> None:
    for field in ('If-Match: "x"', "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"):
        answer = ask(tree, "/static/file.txt", field, "Range: bytes=0-0")

        assert (answer.status, answer.content) == (412, b"Precondition Failed")
        assert answer.fields.keys() == {"Content-Type", "X-Content-Type-Options", "Vary"}


def test_repeated_fields_are_one_list(tree: FileTree) -> None:
    etag = etag_of(tree, "/static/file.txt")

    answer = ask(tree, "/static/file.txt", 'If-None-Match: "a"', f"if-none-match: {etag}")

    assert answer.status == 304


def change_content(path: Path) -> None:
    make(path, b"9876543210")  # as long as before, and with its old time


def change_time(path: Path) -> None:
    os.utime(path, (LONG_AGO + 1, LONG_AGO + 1))


def change_length(path: Path) -> None:
    make(path, b"0123456789a")


def replace(path: Path) -> None:
    other = make(path.with_name("other"), b"9876543210")
    other.replace(path)


@pytest.mark.parametrize("change", [change_content, change_time, change_length, replace])
def test_an_entity_tag_goes_with_what_it_was_given_for(
    tree: FileTree, served: Path, change: object
) -> None:
    before = etag_of(tree, "/static/file.txt")
    assert etag_of(tree, "/static/file.txt") == before
    assert callable(change)
    wait_for_another_time(served)
    change(served / "file.txt")

    assert etag_of(tree, "/static/file.txt") != before


def test_a_tag_is_weak_while_the_file_may_change_without_a_sign(served: Path) -> None:
    """RFC 9110 §8.8.1: times have a granularity, and two changes may fall within it."""
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


def test_times_before_1970_are_1970(served: Path) -> None:
    make(served / "file.txt", modified=-1000)
    tree = FileTree(root=Root(served))

    assert ask(tree, "/file.txt")["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"


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
def test_one_range_is_a_part_of_the_file(
    tree: FileTree, field: str, content: bytes, content_range: str
) -> None:
    """RFC 9110 §15.3.7.1: with all the fields that the whole would have."""
    whole = ask(tree, "/static/file.txt")
    answer = ask(tree, "/static/file.txt", f"Range: {field}")

    assert (answer.status, answer.content) == (206, content)
    assert answer.content_length == len(content)
    assert answer.fields == {**whole.fields, "Content-Range": content_range}


def parts_of(answer: Received) -> list[tuple[str, str, bytes]]:
    """Type, range and octets of each part, read by the standard library's MIME parser."""
    head = f"Content-Type: {answer['Content-Type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + answer.content).walk()
    found = []
    for part in list(parts)[1:]:
        octets = part.get_payload(decode=True)
        assert isinstance(octets, bytes)
        found.append((part["Content-Type"], part["Content-Range"], octets))
    return found


def test_several_ranges_are_several_parts(tree: FileTree) -> None:
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


def test_boundaries_can_not_be_known_beforehand(tree: FileTree) -> None:
    types = {
        ask(tree, "/static/file.txt", "Range: bytes=0-0,9-9")["Content-Type"] for _ in range(5)
    }

    assert len(types) == 5


def test_parts_of_a_large_file_are_left_in_it(tree: FileTree, served: Path) -> None:
    octets = os.urandom(300_000)
    make(served / "big", octets)
    answer = ask(tree, "/static/big", "Range: bytes=0-99999,200000-299999")

    assert answer.from_file
    assert answer.content_length == len(answer.content)
    assert [part[2] for part in parts_of(answer)] == [octets[:100_000], octets[200_000:]]
    assert ask(tree, "/static/big").content == octets
    assert ask(tree, "/static/big").from_file


def test_a_file_is_the_same_whether_it_is_in_memory_or_not(tree: FileTree, served: Path) -> None:
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
def test_a_range_beyond_the_end_is_told_where_that_is(tree: FileTree, path: str) -> None:
    """RFC 9110 §15.5.17."""
    answer = ask(tree, f"/static/{path}", "Range: bytes=10-")
    length = 10 if path == "file.txt" else 0

    assert (answer.status, answer.content) == (416, b"Range Not Satisfiable")
    assert answer["Content-Range"] == f"bytes */{length}"
    assert not {"ETag", "Last-Modified"} & answer.fields.keys()


@pytest.mark.parametrize(
    "field", ["lines=0-1", "bytes=5-4", "bytes=x", "bytes=0-0," + "0-0," * 500, "bytes=", "0-4"]
)
def test_a_range_that_means_nothing_is_the_whole(tree: FileTree, field: str) -> None:
    answer = ask(tree, "/static/file.txt", f"Range: {field}")

    assert (answer.status, answer.content) == (200, CONTENT)


def test_if_range_asks_for_a_part_or_for_what_is_new(tree: FileTree) -> None:
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
def test_no_ranges_make_more_than_the_file_has(tree: FileTree, specs: list[str]) -> None:
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


def test_a_file_that_became_shorter_is_left_to_who_sends_it(served: Path) -> None:
    """The fields come from one look at the file, even if it changes then."""
    path = make(served / "file", bytes(200_000))
    tree = FileTree(root=Root(served))
    answer = tree.answer(request("/file"))
    os.truncate(path, 10)

    assert answer.content_length == 200_000
    assert [len(part) if isinstance(part, bytes) else part.octets for part in answer.parts] == [
        200_000
    ]
    answer.close()


def test_closing_twice_closes_nothing_else(served: Path) -> None:
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


def test_out_of_descriptors_is_not_the_clients_fault(tree: FileTree) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as taken:
        taken.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        free = os.dup(0)
        os.close(free)  # the next one to be given
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
        answer = tree.answer(request("/static/file.txt"))

    assert (answer.status, dict(answer.fields)["Retry-After"]) == (503, "1")


def test_the_present_is_the_clocks(served: Path) -> None:
    make(served / "file.txt")
    assert FileTree(root=Root(served)).clock is time.time
