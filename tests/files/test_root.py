"""Files are opened beneath a directory and not elsewhere, by the kernel and by walking."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import FrameType

import pytest

from hamms_trio.files import OutsideRoot, Root
from tests.files.conftest import unprivileged

SECRET = b"the secret"


@pytest.fixture(params=[True, False], ids=["by kernel", "by walking"])
def by_kernel(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def root(served: Path, by_kernel: bool) -> Root:
    return Root(served, by_kernel=by_kernel)


def read(root: Root, path: bytes | str) -> bytes:
    """Read a file; split its path at slashes and do nothing else to it."""
    names = os.fsencode(path).split(b"/")
    file = root.open_file(names)
    try:
        assert stat.S_ISREG(os.fstat(file.descriptor).st_mode)
        return os.pread(file.descriptor, file.status.st_size, 0)
    finally:
        os.close(file.descriptor)


@pytest.mark.parametrize(
    "name",
    [
        b"a.txt",
        b"a b",
        b"\xff\xfe",
        "ä".encode(),
        b"a\nb",
        b"\\",
        b"..a",
        b"a%20b",
        b"-",
        b"n" * 255,
    ],
)
def test_a_file_is_found_under_any_name(root: Root, served: Path, name: bytes) -> None:
    Path(os.fsdecode(os.path.join(os.fsencode(served), name))).write_bytes(b"content")

    assert read(root, name) == b"content"


def test_a_file_in_deep_directories_is_found(root: Root, served: Path) -> None:
    deep = served.joinpath(*"abcdefghij")
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"deep")

    assert read(root, "a/b/c/d/e/f/g/h/i/j/file") == b"deep"


# The target of the link l and the path that is read, in a directory with a/b/file, a/file and top.
LINKS_INSIDE = [
    ("top", "l", b"top"),
    ("./top", "l", b"top"),
    ("a", "l/file", b"a/file"),
    ("a/", "l/file", b"a/file"),
    ("a/b", "l/../file", b"a/file"),  # .. is the parent of the directory, not of the link
    ("a/b/..", "l/file", b"a/file"),
    ("a/../top", "l", b"top"),
    (".", "l/top", b"top"),
    (".", "l/l/l/l/top", b"top"),
]


@pytest.mark.parametrize(("target", "path", "content"), LINKS_INSIDE)
@pytest.mark.parametrize("absolute", [False, True], ids=["relative", "absolute"])
def test_a_link_that_stays_inside_is_followed(
    root: Root, served: Path, target: str, path: str, content: bytes, absolute: bool
) -> None:
    (served / "a" / "b").mkdir(parents=True)
    for file in ("a/b/file", "a/file", "top"):
        (served / file).write_bytes(file.encode())
    (served / "l").symlink_to(f"{served}/{target}" if absolute else target)

    assert read(root, path) == content


def test_links_that_lead_to_links_are_followed(root: Root, served: Path) -> None:
    (served / "a").mkdir()
    (served / "a" / "up").symlink_to("../b")
    (served / "b").symlink_to(served / "c")
    (served / "c").mkdir()
    (served / "c" / "file").symlink_to("../file")
    (served / "file").write_bytes(b"far")

    assert read(root, "a/up/file") == b"far"


OUTWARDS = [
    ("../secret.txt", "l"),
    ("../outside", "l/file.txt"),
    ("..", "l/secret.txt"),
    ("a/../../secret.txt", "l"),
    ("{parent}/secret.txt", "l"),
    ("{parent}/outside", "l/file.txt"),
    ("{parent}", "l/secret.txt"),
    ("{parent}/served/../secret.txt", "l"),
    ("{parent}/served-too/file.txt", "l"),
    ("../served-too/file.txt", "l"),
    ("/", "l/etc/passwd"),
    ("/etc/passwd", "l"),
    ("/proc/self/cwd", "l/x"),
    ("/dev/stdin", "l"),
    ("a", "a/../../secret.txt"),
    ("a", "../secret.txt"),
    ("a", "../served/../secret.txt"),
    ("..", "l/served/l/secret.txt"),
]


@pytest.mark.parametrize(("target", "path"), OUTWARDS)
def test_a_path_that_leads_out_is_refused(root: Root, served: Path, target: str, path: str) -> None:
    (served / "a").mkdir()
    (served / "l").symlink_to(target.format(parent=served.parent))

    with pytest.raises(OutsideRoot):
        read(root, path)


@pytest.mark.parametrize("path", ["..", "a/../..", "l", "../served"])
def test_no_directory_outside_the_root_is_opened(root: Root, served: Path, path: str) -> None:
    (served / "a").mkdir()
    (served / "l").symlink_to("..")

    with pytest.raises(OutsideRoot), root.opened_directory(os.fsencode(path).split(b"/")):
        pass


@pytest.mark.parametrize(
    ("path", "error"),
    [
        (b"missing", errno.ENOENT),
        (b"a/missing", errno.ENOENT),
        (b"missing/x", errno.ENOENT),
        (b"dangling", errno.ENOENT),
        (b"file/x", errno.ENOTDIR),
        (b"file/", errno.ENOENT),
        (b"file/..", errno.ENOTDIR),
        (b"to-file-as-directory", errno.ENOTDIR),
        (b"a", errno.EISDIR),
        (b".", errno.EISDIR),
        (b"to-a", errno.EISDIR),
        (b"loop", errno.ELOOP),
        (b"loop/x", errno.ELOOP),
        (b"x" * 256, errno.ENAMETOOLONG),
        (b"x" * 300 + b"/x", errno.ENAMETOOLONG),
        (b"a/" * 3000 + b"x", errno.ENAMETOOLONG),
        (b"", errno.ENOENT),
        (b"/file", errno.ENOENT),
        (b"a//x", errno.ENOENT),
        (b"file\0", errno.ENOENT),
        (b"\0", errno.ENOENT),
    ],
)
def test_a_missing_path_raises_its_error(root: Root, served: Path, path: bytes, error: int) -> None:
    (served / "a").mkdir()
    (served / "file").write_bytes(b"content")
    (served / "dangling").symlink_to("nowhere")
    (served / "to-a").symlink_to("a")
    (served / "to-file-as-directory").symlink_to("file/")
    (served / "loop").symlink_to("loop")

    with pytest.raises(OSError, match=r"\w") as caught:
        read(root, path)
    assert caught.value.errno == error


def test_a_name_with_a_slash_is_not_found(root: Root, served: Path) -> None:
    (served / "a").mkdir()
    (served / "a" / "file").write_bytes(b"content")

    for names in ([b"a/file"], [b"a", b"/file"], [b"a/", b"file"]):
        with pytest.raises(FileNotFoundError):
            root.open_file(names)


def test_a_fifo_neither_blocks_nor_is_served(root: Root, served: Path) -> None:
    os.mkfifo(served / "fifo")
    (served / "l").symlink_to("fifo")

    for name in ("fifo", "l"):
        with pytest.raises(FileNotFoundError):
            read(root, name)


def test_a_socket_is_not_served(root: Root, served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(served)  # a socket's path has to be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")

        with pytest.raises(FileNotFoundError):
            read(root, "socket")


def test_a_device_is_not_served(root: Root, served: Path) -> None:
    try:
        os.mknod(served / "zero", 0o666 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")

    with pytest.raises(FileNotFoundError):
        read(root, "zero")


def test_an_unreadable_file_is_refused(public: Path, by_kernel: bool) -> None:
    (public / "file").write_bytes(b"private")
    (public / "file").chmod(0)
    (public / "directory").mkdir()
    (public / "directory" / "file").write_bytes(b"private")
    (public / "directory").chmod(0)
    root = Root(public, by_kernel=by_kernel)
    with unprivileged():
        for path in ("file", "directory/file"):
            with pytest.raises(PermissionError) as caught:
                read(root, path)
            assert not isinstance(caught.value, OutsideRoot)


def test_a_file_in_an_unlistable_directory_is_found(public: Path, by_kernel: bool) -> None:
    (public / "directory").mkdir()
    (public / "directory" / "file").write_bytes(b"public")
    (public / "directory").chmod(0o711)
    (public / "l").symlink_to(public / "directory")  # an absolute target is walked in any case
    root = Root(public, by_kernel=by_kernel)
    with unprivileged():
        assert read(root, "directory/file") == b"public"
        assert read(root, "l/file") == b"public"


def test_the_root_can_be_a_link_and_be_replaced(served: Path, by_kernel: bool) -> None:
    way = served.parent / "way"
    way.symlink_to("served")
    root = Root(way, by_kernel=by_kernel)
    (served / "file").write_bytes(b"one")
    (served / "l").symlink_to(way / "file")
    (served / "l2").symlink_to(served / "file")

    assert [read(root, name) for name in ("file", "l", "l2")] == [b"one"] * 3
    way.unlink()
    way.symlink_to("outside")
    assert read(root, "file.txt") == SECRET


def test_the_file_system_root_can_be_served(by_kernel: bool, served: Path) -> None:
    (served / "l").symlink_to(served / "file")
    (served / "file").write_bytes(b"content")
    everything = Root("/", by_kernel=by_kernel)

    assert read(everything, f"{served}/l".lstrip("/")) == b"content"
    with pytest.raises(OutsideRoot):
        read(everything, "..")


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


@contextmanager
def at_call(number: int, action: Callable[[], object]) -> Iterator[None]:
    """Call a function right before a path or a name is used for the ``number``-th time."""
    calls = count()

    def profile(_frame: FrameType, event: str, argument: object) -> None:
        if event == "c_call" and argument in (os.open, os.readlink) and next(calls) == number:
            sys.setprofile(None)
            action()
            sys.setprofile(profile)

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("target", ["../outside", "{parent}/outside", "inside"])
def test_a_directory_swapped_for_a_link_never_leads_out(
    root: Root, served: Path, number: int, target: str
) -> None:
    (served / "a").mkdir()
    (served / "a" / "file.txt").write_bytes(b"public")
    (served / "inside").mkdir()
    (served / "inside" / "file.txt").write_bytes(b"public")
    before = open_descriptors()

    def swap() -> None:
        (served / "a").rename(served / "gone")
        (served / "a").symlink_to(target.format(parent=served.parent))

    with at_call(number, swap):
        try:
            content = read(root, "a/file.txt")
        except (OutsideRoot, FileNotFoundError, NotADirectoryError):
            content = b"public"
    assert content == b"public"
    assert open_descriptors() == before


@pytest.mark.parametrize("number", range(12))
def test_a_file_swapped_for_something_else_is_not_served(
    root: Root, served: Path, number: int
) -> None:
    (served / "file").write_bytes(b"public")
    os.mkfifo(served / "fifo")
    (served / "l").symlink_to("../secret.txt")

    for other in ("fifo", "l"):
        with at_call(number, lambda other=other: (served / other).replace(served / "file")):  # type: ignore[misc]
            try:
                content = read(root, "file")
            except OSError:
                content = b"public"
        assert content == b"public"
        if (served / "file").is_symlink() or (served / "file").is_fifo():
            (served / "file").unlink()
        (served / "file").write_bytes(b"public")


def test_a_directory_moved_out_meanwhile_does_not_lead_out(root: Root, served: Path) -> None:
    for number in range(16):
        inside = served / f"d{number}" / "a"
        inside.mkdir(parents=True)
        (inside / "up").symlink_to("../../secret.txt")
        (inside.parent / "secret.txt").write_bytes(b"public")
        outside = served.parent / "outside" / f"moved{number}"

        with at_call(number, lambda: (served / f"d{number}").rename(outside)):  # noqa: B023
            try:
                content = read(root, f"d{number}/a/up")
            except OSError:
                content = b"public"
        assert content == b"public"


def test_thousands_of_swaps_never_reveal_a_secret(root: Root, served: Path) -> None:
    (served / "a").mkdir()
    (served / "a" / "file.txt").write_bytes(b"public")
    (served / "l").symlink_to("../outside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for one, other in (("a", "b"), ("l", "a"), ("a", "l"), ("b", "a")):
                (served / one).rename(served / other)

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    try:
        for _ in range(2000):
            try:
                seen.add(read(root, "a/file.txt"))
            except (OutsideRoot, FileNotFoundError, NotADirectoryError) as error:
                seen.add(type(error).__name__.encode())
    finally:
        stop.set()
        thread.join()
    assert SECRET not in seen


def test_files_beside_a_file_are_opened_if_possible(root: Root, served: Path) -> None:
    (served / "a").mkdir()
    (served / "a" / "file").write_bytes(b"itself")
    (served / "a" / "file.near").write_bytes(b"beside")
    (served / "a" / "file.in").symlink_to(served / "a" / "file.near")
    (served / "a" / "file.out").symlink_to("../../secret.txt")
    (served / "a" / "file.nowhere").symlink_to("missing")
    (served / "a" / "file.d").mkdir()
    os.mkfifo(served / "a" / "file.fifo")
    suffixes = [b".near", b".in", b".out", b".nowhere", b".d", b".fifo", b".missing"]
    before = open_descriptors()

    file, others = root.open_files([b"a", b"file"], suffixes)
    opened = [file, *(other for other in others if other is not None)]
    assert [other is not None for other in others] == [True, True, *[False] * 5]
    assert [os.pread(one.descriptor, 100, 0) for one in opened] == [b"itself", b"beside", b"beside"]
    for one in opened:
        os.close(one.descriptor)
    with pytest.raises(FileNotFoundError):
        root.open_files([b"a", b"missing"], [b".near"])
    assert open_descriptors() == before


def test_no_descriptor_is_left_open(root: Root, served: Path) -> None:
    (served / "a").mkdir()
    (served / "a" / "file").write_bytes(b"content")
    (served / "out").symlink_to("..")
    (served / "in").symlink_to(served / "a")
    os.mkfifo(served / "fifo")
    before = open_descriptors()

    for path in ("a/file", "in/file", "in/../a/file", "out/x", "in/../../x", "fifo", "a", "a/x/y"):
        with suppress(OSError):
            read(root, path)
        with root.opened_directory([b"a"]):
            pass
    assert open_descriptors() == before
