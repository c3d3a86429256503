"""Files over real connections: sent whole, in parts, to clients that leave; and the challenge's routes."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
import trio

from hamms_trio.file_server import open_file_server
from hamms_trio.files import FileTree, Root
from hamms_trio.http import Response, Router, ServerLimits
from hamms_trio.http.resources.files import FileRouter, add_challenge, add_static
from hamms_trio.wire import reason_phrase
from tests.files.answers import make, settled
from tests.http.conversations import Answer, get, read_answers
from tests.http.server import Serve, Serving, read_all, read_until, reset, wait_until

BIG = os.urandom(3_000_000)
SMALL = os.urandom(60_000)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    make(tmp_path / "secret.txt", b"the secret")
    make(tmp_path / "served" / "file.txt", b"0123456789")
    make(tmp_path / "served" / "big", BIG)
    make(tmp_path / "served" / "small", SMALL)
    return tmp_path / "served"


@pytest.fixture
def router(directory: Path) -> Router:
    router = Router()
    add_static(router, FileTree(root=Root(directory), prefix="/static/", clock=settled))
    add_challenge(router, Root(directory))
    return router


async def ask(server: Serving, path: str, *fields: str, method: str = "GET") -> Answer:
    (answer,) = read_answers(await server.ask(get(path, *fields, method=method)), [method])
    return answer


async def test_files_of_every_size_come_whole_and_in_order(serve: Serve, router: Router) -> None:
    paths = ["/static/big", "/static/file.txt", "/static/big", "/static/small", "/static/small"]
    last = get("/static/file.txt", "Connection: close")
    async with serve(router) as server, await server.connect() as client:
        await client.send_all(b"".join(map(get, paths)) + last)
        answers = read_answers(b"".join([bytes(octets) async for octets in client]))

    assert [answer.status for answer in answers] == [200] * 6
    bodies = [BIG, b"0123456789", BIG, SMALL, SMALL, b"0123456789"]
    assert [answer.body for answer in answers] == bodies


@pytest.mark.parametrize("name", ["file.txt", "small", "big"])
async def test_head_has_the_length_and_the_connection_lasts(
    serve: Serve, router: Router, directory: Path, name: str
) -> None:
    size = str((directory / name).stat().st_size)
    async with serve(router) as server, await server.connect() as client:
        for _ in range(3):
            await client.send_all(get(f"/static/{name}", method="HEAD"))
            head = await read_until(client, b"\r\n\r\n")
            (answer,) = read_answers(head, ["HEAD"])
            assert (answer.status, answer.fields["content-length"]) == (200, size)


@pytest.mark.parametrize("name", ["file.txt", "big"])
async def test_a_repeated_request_gets_the_file_as_it_is_now(
    serve: Serve, router: Router, directory: Path, name: str
) -> None:
    path, old = f"/static/{name}", (directory / name).read_bytes()
    new = old[::-1]
    async with serve(router) as server:
        before = [await ask(server, path) for _ in range(4)]
        head = await ask(server, path, method="HEAD")
        (directory / name).write_bytes(new)
        after = [await ask(server, path) for _ in range(4)]
        (directory / name).unlink()
        gone = await ask(server, path)

    assert {answer.body for answer in before} == {old}
    assert len({answer.fields["etag"] for answer in (*before, head)}) == 1
    assert head.fields["content-length"] == str(len(old))
    assert {answer.body for answer in after} == {new}
    assert gone.status == 404


async def test_ranges_of_a_large_file_come_in_one_multipart_body(
    serve: Serve, router: Router
) -> None:
    async with serve(router) as server:
        answer = await ask(server, "/static/big", "Range: bytes=0-999999,2000000-2999999")

    assert answer.status == 206
    assert answer.fields["content-type"].startswith("multipart/byteranges; boundary=")
    assert BIG[:1_000_000] in answer.body
    assert BIG[2_000_000:] in answer.body
    assert len(answer.body) < 2_001_000


async def test_a_conversation_about_one_file(serve: Serve, router: Router) -> None:
    async with serve(router) as server:
        first = await ask(server, "/static/file.txt")
        etag = first.fields["etag"]
        fresh = await ask(server, "/static/file.txt", f"If-None-Match: {etag}")
        part = await ask(server, "/static/file.txt", f"If-Range: {etag}", "Range: bytes=5-")
        beyond = await ask(server, "/static/file.txt", "Range: bytes=10-")
        lost = await ask(server, "/static/file.txt", 'If-Match: "x"')

    assert (first.status, first.body) == (200, b"0123456789")
    assert (fresh.status, fresh.body, fresh.fields["etag"]) == (304, b"", etag)
    assert not {"content-type", "content-length", "last-modified"} & fresh.fields.keys()
    assert (part.status, part.body) == (206, b"56789")
    assert (beyond.status, beyond.fields["content-range"]) == (416, "bytes */10")
    assert lost.status == 412


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/static/../secret.txt", 403),
        ("/static/%2e%2e/secret.txt", 403),
        ("/static/..%2fsecret.txt", 403),
        ("/static//etc/passwd", 403),
        ("/static/out/secret.txt", 403),
        ("/static/missing", 404),
        ("/static/" + "x" * 300, 404),
        ("/static/", 404),
        ("/static/fifo", 404),
        ("/static/%00", 400),
        ("/static/%zz", 400),
    ],
)
async def test_no_request_leads_out_of_the_directory(
    serve: Serve, router: Router, directory: Path, path: str, status: int
) -> None:
    (directory / "out").symlink_to("..")
    os.mkfifo(directory / "fifo")
    async with serve(router) as server:
        answer = await ask(server, path)

    assert answer.status == status
    assert b"secret" not in answer.body


@pytest.mark.parametrize(
    ("path", "fields", "status", "code", "kept"),
    [
        ("/static/%zz", [], 400, "bad_request", {}),
        ("/static/..%2fsecret.txt", [], 403, "forbidden", {}),
        ("/static/missing", [], 404, "not_found", {}),
        ("/static/file.txt", ["Accept-Encoding: identity;q=0"], 406, "not_acceptable", {"vary": "Accept-Encoding"}),
        ("/static/file.txt", ["If-Match: x"], 412, "precondition_failed", {}),
        ("/static/file.txt", ["Range: bytes=10-"], 416, "range_not_satisfiable", {"content-range": "bytes */10"}),
        ("/files/missing", [], 404, "not_found", {}),
        ("/echo/a", ["Accept-Encoding: identity;q=0"], 406, "not_acceptable", {"vary": "Accept-Encoding"}),
    ],
)  # fmt: skip
async def test_a_missing_file_has_the_usual_error_document(
    serve: Serve,
    router: Router,
    path: str,
    fields: list[str],
    status: int,
    code: str,
    kept: dict[str, str],
) -> None:
    async with serve(router) as server:
        answer = await ask(server, path, *fields)
        head = await ask(server, path, *fields, method="HEAD")

    problem = json.loads(answer.body)["error"]
    assert (answer.status, problem["code"]) == (status, code)
    phrase, _, reason = problem["message"].partition(": ")
    assert phrase.lower().replace(" ", "_") == code
    assert reason
    assert answer.fields.items() >= {"content-type": "application/json", **kept}.items()
    assert head.body == b""
    if status != 416:  # HEAD describes the whole (RFC 9110 §14.2)
        assert (head.status, head.fields["content-length"]) == (status, str(len(answer.body)))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_static_files_are_only_read(serve: Serve, router: Router, method: str) -> None:
    async with serve(router) as server:
        answer = await ask(server, "/static/file.txt", method=method)

    assert answer.status == 405
    assert {"GET", "HEAD"} <= set(answer.fields["allow"].split(", "))


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


@pytest.mark.parametrize("before", ["", "/static/small", "/much"])
async def test_a_client_that_leaves_leaves_no_file_open(
    serve: Serve, router: Router, before: str
) -> None:
    """Not even where an answer before it still waits to be read."""
    router.fixed("GET", "/much", Response(200, bytes(20_000_000)))
    requests = [get(before)] if before else []
    async with serve(router, ServerLimits(waiting_output=1 << 30)) as server:
        nothing_open = open_descriptors()
        for _ in range(3):
            client = await server.connect()
            await client.send_all(b"".join(requests) + get("/static/big") * 3)
            await client.receive_some(1)  # it has come to be answered
            reset(client)
        await wait_until(
            lambda: not server.service.connections and open_descriptors() <= nothing_open
        )


async def test_the_challenges_routes(serve: Serve, router: Router) -> None:
    async with serve(router) as server:
        plain = await ask(server, "/echo/a/b%20c")
        coded = await ask(server, "/echo/abc", "Accept-Encoding: x, gzip")
        agent = await ask(server, "/user-agent", "User-Agent: foobar/1.2.3")
        file = await ask(server, "/files/file.txt")
        head = await ask(server, "/files/file.txt", method="HEAD")
        missing = await ask(server, "/files/missing")
        bad = await ask(server, "/files/..")

    assert (plain.status, plain.body) == (200, b"a/b%20c")
    assert plain.fields["content-type"] == "text/plain"
    assert coded.fields["content-encoding"] == "gzip"
    assert gzip.decompress(coded.body) == b"abc"
    assert agent.body == b"foobar/1.2.3"
    assert (file.status, file.body) == (200, b"0123456789")
    assert file.fields["content-type"] == "application/octet-stream"
    assert (head.body, head.fields["content-length"]) == (b"", "10")
    assert (missing.status, bad.status) == (404, 404)


@pytest.mark.parametrize("content", [b"", b"12345", os.urandom(200_000)], ids=len)
@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
async def test_the_challenge_writes_files(
    serve: Serve, router: Router, directory: Path, content: bytes, chunked: bool
) -> None:
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(content)}"
    pieces = [content[at : at + 50_000] for at in range(0, len(content), 50_000)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    posted = get("/files/new", framing, method="POST", content=body if chunked else content)
    async with serve(router) as server:
        created, read = read_answers(await server.ask(posted + get("/files/new")))

    assert (created.status, created.body) == (201, b"")
    assert read.body == content
    assert (directory / "new").read_bytes() == content


async def test_the_challenge_sends_100_continue_before_it_reads_content(
    serve: Serve, router: Router
) -> None:
    async with serve(router) as server, await server.connect() as client:
        fields = ("Content-Length: 5", "Expect: 100-continue")
        await client.send_all(get("/files/new", *fields, method="POST"))
        assert await read_until(client, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send_all(b"12345")
        (answer,) = read_answers(await read_until(client, b"\r\n\r\n"))

    assert answer.status == 201


async def test_without_a_directory_the_challenge_has_no_files(serve: Serve) -> None:
    router = Router()
    add_challenge(router, None)
    async with serve(router) as server:
        assert (await ask(server, "/files/a")).status == 404
        assert (await ask(server, "/files/a", "Content-Length: 0", method="POST")).status == 404
        assert (await ask(server, "/echo/a")).status == 200


async def test_a_file_server_without_routes_serves_its_directory(
    serve: Serve, directory: Path
) -> None:
    (directory / "sub").mkdir()
    router = FileRouter(FileTree(root=Root(directory), listing=True))
    async with serve(router) as server:
        listing = await ask(server, "/")
        moved = await ask(server, "/sub")
        post = await ask(server, "/file.txt", "Content-Length: 0", method="POST")
        options = await ask(server, "/", method="OPTIONS")
        missing = await ask(server, "/missing", method="DELETE")

    assert b'<a href="file.txt">' in listing.body
    assert listing.body.index(b'"sub/"') < listing.body.index(b'"big"')
    assert (moved.status, moved.fields["location"]) == (301, "/sub/")
    assert (post.status, post.fields["allow"]) == (405, "GET, HEAD")
    assert (options.status, missing.status) == (405, 404)
    assert (missing.fields["content-type"], missing.body) == (
        "text/plain; charset=utf-8",
        b"Not Found",
    )


BAD_REQUESTS = {
    "no Host": (b"GET / HTTP/1.1\r\n%b\r\n", 400),
    "a method that nobody knows": (b"BREW / HTTP/1.1\r\nHost: a\r\n%b\r\n", 501),
    "another version": (b"GET / HTTP/2.0\r\nHost: a\r\n%b\r\n", 505),
    "a way out": (b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%b\r\n", 403),
    "no such file": (b"GET /absent HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%b\r\n", 404),
    "another method": (b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%b\r\n", 405),
}


@pytest.mark.parametrize(("octets", "status"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (b"", "text/plain; charset=utf-8"),
        (b"Accept: */*\r\n", "text/plain; charset=utf-8"),
        (b"Accept: text/plain;q=0.5, application/json\r\n", "application/json"),
        (b"Accept: application/json\r\n", "application/json"),
    ],
    ids=["no Accept", "anything", "rather JSON", "JSON"],
)
async def test_every_error_of_the_file_server_has_one_form(
    octets: bytes, status: int, accept: bytes, content_type: str, tmp_path: Path
) -> None:
    async with open_file_server(tmp_path, port=0) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream:
            await stream.send_all(octets % accept)
            (answer,) = read_answers(await read_all(stream))
    assert (answer.status, answer.fields["content-type"]) == (status, content_type)
    if content_type == "application/json":
        assert json.loads(answer.body)["error"]["message"]
    else:
        assert answer.body.decode().startswith(reason_phrase(status))
