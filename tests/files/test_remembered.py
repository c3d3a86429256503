"""Remembered files: an answer is repeated only while a fresh look would find the same file."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from hamms_trio.files import FileTree, Root
from hamms_trio.files.remembered import FileMemory
from tests.files.answers import (
    LONG_AGO,
    Received,
    ask,
    make,
    received,
    request,
    settled,
    wait_for_another_time,
)
from tests.files.conftest import unprivileged
from tests.wire.pieces import DETERMINISTIC

SMALL, LARGE = b"0123456789", bytes(200_000)
CODED = "Accept-Encoding: gzip, br"


def make_tree(
    served: Path, *, by_kernel: bool = True, memory: FileMemory | None = None
) -> FileTree:
    root = Root(served) if by_kernel else Root(served, by_kernel=False)
    return FileTree(
        root=root, listing=True, clock=settled, memory=FileMemory() if memory is None else memory
    )


@pytest.fixture(params=[True, False], ids=["by the kernel", "by walking"])
def tree(served: Path, request: pytest.FixtureRequest) -> FileTree:
    for directory in (served, served / "a" / "b"):
        make(directory / "small.txt", SMALL)
        make(directory / "large.txt", LARGE)
    make(served / "coded.txt", SMALL * 100)
    make(served / "coded.txt.gz", SMALL * 2)
    make(served / "inside" / "small.txt", b"another")
    make(served / "inside" / "large.txt", b"another")
    return make_tree(served, by_kernel=request.param)


def ask_afresh(served: Path, path: str, *fields: str, method: str = "GET") -> Received:
    return ask(make_tree(served), path, *fields, method=method)


def learn(tree: FileTree, path: str, *fields: str) -> Received:
    """Ask until the answer is remembered, and until the file system notes a later time than before."""
    ask(tree, path, *fields)
    known = len(tree.memory)
    ask(tree, path, *fields)
    assert len(tree.memory) == known + 1
    with tempfile.TemporaryDirectory() as elsewhere:
        wait_for_another_time(Path(elsewhere))
    return ask(tree, path, *fields)


PATHS = ["/small.txt", "/large.txt", "/a/b/small.txt", "/a/b/large.txt", "/coded.txt"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "field",
    [
        "X-None: ",
        "If-None-Match: *",
        'If-None-Match: "x"',
        'If-Match: "x"',
        "If-Modified-Since: Sun, 06 Nov 2050 08:49:37 GMT",
        "Range: bytes=3-5",
        "Range: bytes=-1",
        "Range: bytes=999999-",
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_a_cache_hit_gives_the_same_answer_as_a_miss(
    tree: FileTree, served: Path, path: str, field: str, method: str
) -> None:
    for fields in ((), (CODED,)):
        learn(tree, path, *fields)
        asked = (path, *fields, field)
        assert ask(tree, *asked, method=method) == ask_afresh(served, *asked, method=method)


def test_a_small_file_is_one_answer_for_all(tree: FileTree) -> None:
    first = tree.answer(request("/small.txt"))
    learn(tree, "/a/b/small.txt")
    tree.answer(request("/small.txt"))
    answer = tree.answer(request("/small.txt"))

    assert answer is tree.answer(request("/small.txt"))
    assert answer is not first  # a single request is not worth remembering
    assert tree.answer(request("/small.txt", "User-Agent: another")) is answer
    answer.close()
    assert received(answer).content == SMALL


def replace(path: Path) -> None:
    other = make(path.with_name("new"), path.read_bytes()[::-1] + b"!")
    other.replace(path)


def overwrite(path: Path) -> None:
    """Replace the content by as many octets, and restore the times."""
    with path.open("r+b") as file:
        file.write(b"~")
    os.utime(path, (LONG_AGO, LONG_AGO))


def overwrite_through_mapping(path: Path) -> None:
    """Write through a mapping, whose second write leaves the file's times as they are."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        mapping[0:1] = b"~"


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(target: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return change


CHANGES: dict[str, tuple[Callable[[Path], object], int]] = {
    "overwritten": (overwrite, 200),
    "overwritten through a mapping": (overwrite_through_mapping, 200),
    "replaced": (replace, 200),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"!"), 200),
    "shorter": (lambda path: os.truncate(path, 3), 200),
    "empty": (lambda path: os.truncate(path, 0), 200),
    "modified": (lambda path: os.utime(path, (LONG_AGO, LONG_AGO + 1)), 200),
    "another mode": (lambda path: path.chmod(0o604), 200),
    "removed": (lambda path: path.unlink(), 404),
    "a directory": (make_directory, 301),
    "a FIFO": (make_fifo, 404),
    "a link to nothing": (link("nowhere"), 404),
    "a link to the outside": (link("/etc/passwd"), 403),
    "a link to a file": (lambda path: link(str(path.with_name("coded.txt")))(path), 200),
}


@pytest.mark.parametrize(("change", "status"), CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("path", ["/small.txt", "/large.txt"])
def test_a_change_of_the_file_is_seen_at_once(
    tree: FileTree, served: Path, path: str, change: Callable[[Path], object], status: int
) -> None:
    before = learn(tree, path)
    change(served / path[1:])
    after = ask(tree, path)

    assert after.status == status
    assert after == ask_afresh(served, path)
    assert after != before
    if status != 200:
        assert len(tree.memory) == 0


def test_a_mapping_that_is_still_written_to_is_seen_at_once(tree: FileTree, served: Path) -> None:
    """The times of the file don't change with a write through a mapping."""
    with (served / "small.txt").open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        mapping[0:1] = b"a"
        learn(tree, "/small.txt")
        before = (served / "small.txt").stat().st_ctime_ns
        mapping[0:1] = b"b"

        assert (served / "small.txt").stat().st_ctime_ns == before
        assert ask(tree, "/small.txt").content == b"b123456789"


def outside(served: Path) -> Path:
    return served.parent / "outside"


def move_out(served: Path, name: str) -> None:
    """Move a directory, and put a link to it in its place."""
    (served / name).rename(outside(served) / "moved")
    (served / name).symlink_to(outside(served) / "moved")


def move_within(served: Path) -> None:
    (served / "a").rename(served / "moved")
    (served / "a").symlink_to("moved")


def swap(served: Path) -> None:
    (served / "a" / "b").rename(served / "a" / "c")
    (served / "inside").rename(served / "a" / "b")


def copy(served: Path) -> None:
    """Replace a directory by another one with the same files."""
    (served / "a" / "b").rename(served / "a" / "c")
    (served / "a" / "b").mkdir()
    for name in ("small.txt", "large.txt"):
        os.link(served / "a" / "c" / name, served / "a" / "b" / name)
    make(served / "a" / "b" / "small.txt.gz", b"?")
    make(served / "a" / "b" / "large.txt.gz", b"?")


def new_root(served: Path) -> None:
    served.rename(served.with_name("old"))
    make(served / "a" / "b" / "small.txt", b"of another root")
    make(served / "a" / "b" / "large.txt", b"of another root")


WAYS: dict[str, tuple[Callable[[Path], object], int]] = {
    "the directory leads out": (lambda served: move_out(served, "a/b"), 403),
    "its parent leads out": (lambda served: move_out(served, "a"), 403),
    "its parent is linked": (move_within, 200),
    "its parent is renamed": (lambda served: (served / "a").rename(served / "b"), 404),
    "another directory": (swap, 200),
    "a copy of the directory": (copy, 200),
    "no directory": (lambda served: shutil.rmtree(served / "a" / "b"), 404),
    "another root": (new_root, 200),
    "no root": (lambda served: served.rename(served.with_name("old")), 404),
}


@pytest.mark.parametrize(("change", "status"), WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", ["small.txt", "large.txt"])
def test_a_change_on_the_way_to_the_file_is_seen_at_once(
    tree: FileTree, served: Path, name: str, change: Callable[[Path], object], status: int
) -> None:
    path = f"/a/b/{name}"
    learn(tree, path, CODED)
    change(served)
    after = ask(tree, path, CODED)

    assert after.status == status
    assert after == ask_afresh(served, path, CODED)


def test_a_link_on_the_way_may_be_set_anew(tree: FileTree, served: Path) -> None:
    (served / "link").symlink_to("a/b")
    targets = {"inside": b"another", "../outside": b"Forbidden", "a/b": SMALL}
    assert learn(tree, "/link/small.txt").content == SMALL
    for target, content in targets.items():
        (served / "link").unlink()
        (served / "link").symlink_to(target)
        make(outside(served) / "small.txt", b"secret")

        assert ask(tree, "/link/small.txt").content == content


VARIANTS: dict[str, Callable[[Path], object]] = {
    "added": lambda served: make(served / "coded.txt.br", b"?"),
    "added as a link": lambda served: (served / "coded.txt.br").symlink_to("coded.txt.gz"),
    "added as a link out": lambda served: (served / "coded.txt.br").symlink_to("../secret.txt"),
    "removed": lambda served: (served / "coded.txt.gz").unlink(),
    "changed": lambda served: (served / "coded.txt.gz").write_bytes(b"!"),
    "larger": lambda served: (served / "coded.txt.gz").write_bytes(bytes(5000)),
    "stale": lambda served: os.utime(served / "coded.txt.gz", (LONG_AGO - 1, LONG_AGO - 1)),
    "outdated": lambda served: make(served / "coded.txt", SMALL, modified=LONG_AGO + 1),
    "smaller in itself": lambda served: make(served / "coded.txt", b"-"),
    "left alone": lambda served: (served / "coded.txt").unlink(),
}


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS)
def test_a_change_of_variants_is_seen_at_once(
    tree: FileTree, served: Path, change: Callable[[Path], object]
) -> None:
    coded = learn(tree, "/coded.txt", CODED)
    plain = learn(tree, "/coded.txt")
    assert (coded["Content-Encoding"], len(plain.content)) == ("gzip", 1000)
    change(served)

    assert ask(tree, "/coded.txt", CODED) == ask_afresh(served, "/coded.txt", CODED)
    assert ask(tree, "/coded.txt") == ask_afresh(served, "/coded.txt")


@pytest.mark.parametrize("denied", ["d/small.txt", "d/large.txt", "d"])
def test_a_cached_file_that_becomes_unreadable_is_forbidden_at_once(
    public: Path, denied: str
) -> None:
    paths = ("/d/small.txt", "/d/large.txt")
    for path, content in zip(paths, (SMALL, LARGE), strict=True):
        make(public / path[1:], content)
    tree = make_tree(public)
    for path in paths:
        learn(tree, path)
    (public / denied).chmod(0)
    with unprivileged():
        statuses = [ask(tree, path).status for path in paths]

    assert statuses == [403 if path[1:].startswith(denied) else 200 for path in paths]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up rights")
def test_permissions_are_checked_for_each_request(public: Path) -> None:
    make(public / "file", SMALL).chmod(0o600)
    tree = make_tree(public)
    learn(tree, "/file")
    with unprivileged():
        assert ask(tree, "/file").status == 403
    assert ask(tree, "/file").content == SMALL


def test_a_file_is_not_cached_within_two_seconds_of_a_change(served: Path) -> None:
    """A change of a fresh file might leave the same times, so the tag is weak (RFC 9110 §8.8.1)."""
    changed = make(served / "file", SMALL).stat().st_ctime
    now = changed + 1
    tree = FileTree(root=Root(served), clock=lambda: now)
    for _ in range(5):
        assert ask(tree, "/file")["ETag"].startswith("W/")
    assert len(tree.memory) == 0

    now = changed + 4
    for _ in range(5):
        assert not ask(tree, "/file")["ETag"].startswith("W/")
    assert len(tree.memory) == 1

    now = changed + 1  # the clock was set back
    assert ask(tree, "/file")["ETag"].startswith("W/")


def test_a_file_from_the_future_is_not_cached(served: Path) -> None:
    """Last-Modified is no later than the answer (RFC 9110 §8.8.2.1)."""
    now = time.time() + 100
    make(served / "file", SMALL, modified=int(now) + 1000)
    tree = FileTree(root=Root(served), clock=lambda: now)
    printed = set()
    for _ in range(5):
        printed.add(ask(tree, "/file")["Last-Modified"])
        now += 10

    assert len(printed) == 5
    assert len(tree.memory) == 0


def test_links_are_looked_up_each_time(tree: FileTree, served: Path) -> None:
    (served / "link.txt").symlink_to("small.txt")
    (served / "coded.txt.br").symlink_to("small.txt")
    for _ in range(5):
        assert ask(tree, "/link.txt").content == SMALL
        assert ask(tree, "/coded.txt", CODED).content == SMALL
    assert len(tree.memory) == 0


def test_a_variant_that_is_a_link_is_looked_at_each_time(tree: FileTree, served: Path) -> None:
    """No time in the directory shows that the target of a link has changed."""
    target = make(served / "inside" / "coded", bytes(5000))
    (served / "coded.txt.br").symlink_to("inside/coded")
    for _ in range(3):
        assert ask(tree, "/coded.txt", CODED)["Content-Encoding"] == "gzip"
    target.write_bytes(b"1")

    assert ask(tree, "/coded.txt", CODED)["Content-Encoding"] == "br"


def test_an_index_is_cached_like_other_files(tree: FileTree, served: Path) -> None:
    make(served / "d" / "index.html", b"<p>")
    learn(tree, "/d/")
    (served / "d" / "index.html").write_bytes(b"<b>")

    assert ask(tree, "/d/").content == b"<b>"
    (served / "d" / "index.html").unlink()
    assert "index.html" not in ask(tree, "/d/").content.decode()


def test_the_cache_is_bounded(served: Path) -> None:
    memory = FileMemory(octets=100_000)
    tree = make_tree(served, memory=memory)
    make(served / "large", LARGE)
    kept = 0
    for number in range(200):
        content = bytes([number]) * 10_000
        make(served / str(number), content)
        for _ in range(3):
            assert ask(tree, f"/{number}").content == content
            ask(tree, "/large", f"Accept-Encoding: x{number}")
        kept = max(kept, len(memory))
        assert memory.octets <= 100_000
    assert 5 < kept < 20


def test_a_file_larger_than_the_cache_is_not_cached(served: Path) -> None:
    make(served / "file", bytes(30_000))
    memory = FileMemory(octets=10_000)
    tree = make_tree(served, memory=memory)
    for _ in range(4):
        assert ask(tree, "/file").content == bytes(30_000)
    assert (len(memory), memory.octets) == (0, 0)


def test_deleted_files_take_no_room_in_the_cache(tree: FileTree, served: Path) -> None:
    for path in PATHS:
        learn(tree, path)
    assert tree.memory.octets > 0
    shutil.rmtree(served)
    for path in PATHS:
        assert ask(tree, path).status == 404
    assert (len(tree.memory), tree.memory.octets) == (0, 0)


def test_no_file_is_held_open(tree: FileTree, served: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    for path in PATHS:
        for fields in ((), (CODED,)):
            learn(tree, path, *fields)
            for field in ("If-None-Match: *", "Range: bytes=0-0", "Range: bytes=0-99999,150000-"):
                for method in ("GET", "HEAD", "POST"):
                    ask(tree, path, *fields, field, method=method)
    assert len(tree.memory) == 2 * len(PATHS)
    assert len(os.listdir("/dev/fd")) == before
    for path in PATHS:
        overwrite(served / path[1:])
        ask(tree, path)
        (served / path[1:]).unlink()
        ask(tree, path)
    assert len(os.listdir("/dev/fd")) == before


# Any sequence of events gives the answers of a tree without a memory.

NAMES = ("f", "f.gz", "f.br", "d/f", "d/f.gz", "d", "e", "e/f")
CONTENTS = (b"", b"1", b"2", b"3" * 50, bytes(70_000))
EVENTS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(CONTENTS)),
    st.tuples(st.just("put"), st.sampled_from(NAMES), st.sampled_from(CONTENTS)),
    st.tuples(
        st.just("link"), st.sampled_from(NAMES), st.sampled_from([b"f", b"d", b"../out", b".."])
    ),
    st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just(b"")),
    st.tuples(
        st.just("rename"), st.sampled_from(NAMES), st.sampled_from([b"f", b"d", b"e", b"d/f"])
    ),
    st.tuples(st.just("age"), st.sampled_from(NAMES), st.sampled_from([b"1", b"2"])),
)


def happen(directory: Path, what: str, name: str, octets: bytes) -> None:
    path = directory / name
    match what:
        case "write":
            path.write_bytes(octets)
        case "put":
            (directory.parent / "new").write_bytes(octets)
            (directory.parent / "new").replace(path)
        case "link":
            path.symlink_to(os.fsdecode(octets))
        case "remove" if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        case "remove":
            path.unlink()
        case "rename":
            path.rename(directory / os.fsdecode(octets))
        case "age":
            os.utime(path, (LONG_AGO, LONG_AGO + int(octets)))


@settings(DETERMINISTIC, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS, max_size=12))
def test_earlier_requests_do_not_change_an_answer(events: list[tuple[str, str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as path:
        served, elsewhere = Path(path, "served"), Path(path, "elsewhere")
        elsewhere.mkdir()
        make(Path(path, "out", "f"), b"secret")
        make(served / "f", b"1")
        make(served / "d" / "f", b"22")
        make(served / "d" / "f.gz", b"2")
        tree = make_tree(served)
        for event in (None, *events):
            if event is not None:
                wait_for_another_time(elsewhere)
                try:
                    happen(served, *event)
                except OSError:
                    continue
            for target in ("/f", "/d/f", "/e/f", "/d"):
                for fields in ((), (CODED,)):
                    expected = ask_afresh(served, target, *fields)
                    for _ in range(3):
                        assert ask(tree, target, *fields) == expected
                    for field in (
                        "If-None-Match: " + expected.fields.get("ETag", "*"),
                        "Range: bytes=0-0",
                    ):
                        asked = (target, *fields, field)
                        assert ask(tree, *asked) == ask_afresh(served, *asked)
