"""The routes of the codecrafters.io HTTP server challenge."""

from __future__ import annotations

import errno
import gzip
import os
import stat
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from time import time
from typing import Any

import pytest
import trio
import trio.testing

from hamms_trio.files import Root, echo, read_file, user_agent, write_file
from hamms_trio.wire import RequestHead
from hamms_trio.workbench import open_workbench
from tests.files.answers import make, received, request, settled, wait_for_another_time
from tests.files.conftest import unprivileged


@pytest.fixture
def root(served: Path) -> Root:
    return Root(served)


def test_echo_answers_with_the_rest_of_the_path() -> None:
    for text in ("abc", "a/b/c", "%61%2f", "", "a+b&c"):
        answer = received(echo(request(f"/echo/{text}"), text))

        assert (answer.status, answer.content) == (200, text.encode())
        assert answer["Content-Type"] == "text/plain"
        assert answer.content_length == len(text)


@pytest.mark.parametrize(
    ("accept", "coded"),
    [
        ("gzip", True),
        ("invalid-1, gzip, invalid-2", True),
        ("deflate, x-gzip;q=0.1", True),
        ("*", True),
        ("invalid", False),
        ("gzip;q=0", False),
        ("gzip;q=0.5, identity", False),
        ("", False),
    ],
)
def test_echo_is_gzipped_for_clients_that_accept_it(accept: str, coded: bool) -> None:
    answer = received(echo(request("/echo/abc", f"Accept-Encoding: {accept}"), "abc"))

    assert answer.fields.get("Content-Encoding") == ("gzip" if coded else None)
    assert (gzip.decompress(answer.content) if coded else answer.content) == b"abc"
    assert answer.content_length == len(answer.content)
    assert answer["Vary"] == "Accept-Encoding"
    if coded:
        assert answer.content[4:8] == bytes(4)  # no time, so that equal texts give equal octets


def test_echo_answers_406_if_no_coding_is_acceptable() -> None:
    refusing = request("/echo/abc", "Accept-Encoding: br, *;q=0")

    assert received(echo(refusing, "abc")).status == 406


@pytest.mark.parametrize("value", ["curl/8.0", "", "caf\xe9"])
def test_user_agent_answers_with_the_field(value: str) -> None:
    answer = received(user_agent(request("/user-agent", f"User-Agent: {value}")))

    assert (answer.status, answer.content) == (200, value.encode("latin-1"))
    assert answer["Content-Type"] == "text/plain"


def test_user_agent_without_the_field_answers_nothing() -> None:
    assert received(user_agent(request("/user-agent"))).content == b""


def test_head_gets_lengths_and_no_content(root: Root, served: Path) -> None:
    make(served / "a", b"abc")
    asked = request("/", method="HEAD")
    for answer in (echo(asked, "abc"), read_file(root, asked, "a")):
        seen = received(answer)
        assert (seen.status, seen.content, seen.content_length) == (200, b"", 3)


def test_a_file_is_read_as_octets(root: Root, served: Path) -> None:
    make(served / "a.html", b"<p>")
    make(served / "a.html.gz", b"coded")
    answer = received(read_file(root, request("/files/a", "Accept-Encoding: gzip"), "a.html"))

    assert (answer.status, answer.content) == (200, b"<p>")
    assert answer["Content-Type"] == "application/octet-stream"


def test_a_part_of_a_file_is_read(root: Root, served: Path) -> None:
    make(served / "a", b"0123456789")
    answer = received(read_file(root, request("/files/a", "Range: bytes=-3"), "a"))

    assert (answer.status, answer.content) == (206, b"789")


NO_NAMES = [
    "", ".", "..", "a/b", "/etc/passwd", "../secret.txt", "a\\b", "..\\x", "x" * 300,
    "directory", "directory/", "out", "secret", "fifo", "loop",
]  # fmt: skip


@pytest.fixture
def hostile(served: Path) -> Path:
    (served / "directory").mkdir()
    (served / "out").symlink_to("..")
    (served / "secret").symlink_to("../secret.txt")
    (served / "loop").symlink_to("loop")
    os.mkfifo(served / "fifo")
    return served


@pytest.mark.parametrize("name", NO_NAMES, ids=[name[:20] for name in NO_NAMES])
def test_a_bad_name_is_not_found_and_not_written(root: Root, hostile: Path, name: str) -> None:
    before = sorted(hostile.rglob("*")), sorted(hostile.parent.glob("*"))

    assert received(read_file(root, request("/files/x"), name)).status == 404
    assert received(write_file(root, post(), name, b"new")).status == 404
    assert (sorted(hostile.rglob("*")), sorted(hostile.parent.glob("*"))) == before
    assert (hostile.parent / "secret.txt").read_bytes() == b"the secret"


def test_without_a_directory_there_are_no_files() -> None:
    assert received(read_file(None, request("/files/a"), "a")).status == 404
    assert received(write_file(None, post(), "a", b"")).status == 404


def test_names_are_not_decoded(root: Root, served: Path) -> None:
    write_file(root, post(), "a%20b", b"content")

    assert (served / "a%20b").read_bytes() == b"content"
    assert received(read_file(root, request("/files/x"), "a%20b")).content == b"content"


def post(*fields: str) -> RequestHead:
    return request("/files/a", *fields, method="POST")


def test_a_file_is_written_and_replaced(root: Root, served: Path) -> None:
    for content in (b"first", b"", bytes(range(256)) * 1000):
        answer = received(write_file(root, post(), "a", content))

        assert (answer.status, answer.content, answer.content_length) == (201, b"", 0)
        assert (served / "a").read_bytes() == content
    assert [path.name for path in served.iterdir()] == ["a"]


def test_a_replaced_file_is_still_read_to_its_end(root: Root, served: Path) -> None:
    make(served / "a", b"old")
    with (served / "a").open("rb") as reading:
        write_file(root, post(), "a", b"new")
        assert reading.read() == b"old"


def test_a_file_keeps_its_permissions(root: Root, served: Path) -> None:
    make(served / "a").chmod(0o640)
    write_file(root, post(), "a", b"new")

    assert stat.S_IMODE((served / "a").stat().st_mode) == 0o640


LINKS = ("a", "dangling", "out")


def test_writing_replaces_a_link_and_not_its_target(root: Root, served: Path) -> None:
    make(served / "b", b"b")
    (served / "a").symlink_to("b")
    (served / "dangling").symlink_to("planted")
    (served / "out").symlink_to("../planted")

    statuses = [received(write_file(root, post(), name, b"new")).status for name in LINKS]

    assert statuses == [201, 201, 404]
    assert [(served / name).is_symlink() for name in LINKS] == [False, False, True]
    assert (served / "b").read_bytes() == b"b"
    assert not list(served.parent.rglob("planted"))


def test_a_failed_write_answers_500_and_leaves_nothing(
    public: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(public / "a", b"old")
    public.chmod(0o555)
    with unprivileged():
        answer = received(write_file(Root(public), post(), "a", b"new"))

    assert answer.status == 500
    assert "can't write the file a" in caplog.text
    assert [path.name for path in public.iterdir()] == ["a"]
    assert (public / "a").read_bytes() == b"old"


def test_a_full_disk_leaves_the_old_file(
    root: Root, served: Path, caplog: pytest.LogCaptureFixture
) -> None:
    resource = pytest.importorskip("resource")
    make(served / "a", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        answer = received(write_file(root, post(), "a", bytes(20_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert answer.status == 500
    assert "can't write the file a" in caplog.text
    assert [path.name for path in served.iterdir()] == ["a"]
    assert (served / "a").read_bytes() == b"old"


def test_preconditions_guard_the_present_file(root: Root, served: Path) -> None:
    """RFC 9110 §13.1.1, §13.1.2: a client neither loses another's update nor creates a file twice."""
    assert received(write_file(root, post("If-Match: *"), "a", b"x")).status == 412
    assert not (served / "a").exists()
    assert received(write_file(root, post("If-None-Match: *"), "a", b"first")).status == 201
    assert received(write_file(root, post("If-None-Match: *"), "a", b"x")).status == 412
    assert received(write_file(root, post('If-Match: "other"'), "a", b"x")).status == 412
    assert received(write_file(root, post("If-Match: *"), "a", b"second")).status == 201
    assert (served / "a").read_bytes() == b"second"


CLIENTS = 20


def write_at_once(served: Path, *fields: str, clock: Callable[[], float] = time) -> Counter[int]:
    """Count the statuses of clients that write one name at the same moment, each with its own root."""
    barrier = Barrier(CLIENTS)

    def write(number: int) -> int:
        barrier.wait()
        content = b"%d" % number
        answer = write_file(Root(served), post(*fields), "a", content, clock=clock)
        return received(answer).status

    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(write, range(CLIENTS)))


ONE_OF_THEM = Counter({201: 1, 412: CLIENTS - 1})


def test_exactly_one_of_twenty_clients_creates_a_file(served: Path) -> None:
    for _ in range(5):
        assert write_at_once(served, "If-None-Match: *") == ONE_OF_THEM
        assert [path.name for path in served.iterdir()] == ["a"]
        (served / "a").unlink()


def test_exactly_one_of_twenty_clients_updates_a_version(root: Root, served: Path) -> None:
    make(served / "a", b"first")
    for _ in range(5):
        before = received(read_file(root, request("/files/a"), "a", clock=settled))
        written = write_at_once(served, f"If-Match: {before['ETag']}", clock=settled)
        assert written == ONE_OF_THEM
        wait_for_another_time(served)  # or the next version could have the same times


def test_clients_without_preconditions_all_write(served: Path) -> None:
    assert write_at_once(served) == {201: CLIENTS}
    assert (served / "a").read_bytes() in {b"%d" % number for number in range(CLIENTS)}


def test_a_file_that_another_process_creates_meanwhile_stays(
    root: Root, served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link_late(*arguments: Any, **options: Any) -> None:
        make(served / "a", b"theirs")
        link(*arguments, **options)

    link = os.link
    monkeypatch.setattr(os, "link", link_late)
    answer = received(write_file(root, post("If-None-Match: *"), "a", b"ours"))

    assert (answer.status, (served / "a").read_bytes()) == (412, b"theirs")
    assert [path.name for path in served.iterdir()] == ["a"]


def test_a_file_is_created_once_where_hard_links_are_missing(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise PermissionError(errno.EPERM, "as on FAT")

    monkeypatch.setattr(os, "link", refuse)
    assert write_at_once(served, "If-None-Match: *") == ONE_OF_THEM
    assert (served / "a").read_bytes()


def test_a_link_that_leads_nowhere_takes_its_name(root: Root, served: Path) -> None:
    (served / "a").symlink_to("nowhere")
    assert received(write_file(root, post("If-None-Match: *"), "a", b"x")).status == 412
    assert (served / "a").is_symlink()


async def test_clients_of_the_workbench_create_a_file_once(served: Path) -> None:
    statuses: Counter[bytes] = Counter()

    async def ask(port: int, go: trio.Event) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await go.wait()
            head = b"POST /files/a HTTP/1.1\r\nHost: [::]\r\nIf-None-Match: *\r\nContent-Length: 1\r\n\r\n"
            await stream.send_all(head + b"x")
            statuses[(await stream.receive_some())[9:12]] += 1

    async with open_workbench(port=0, challenge=True, directory=served) as workbench:
        async with trio.open_nursery() as nursery:
            go = trio.Event()
            for _ in range(CLIENTS):
                nursery.start_soon(ask, workbench.port, go)
            await trio.testing.wait_all_tasks_blocked()
            go.set()
    assert statuses == {b"201": 1, b"412": CLIENTS - 1}
