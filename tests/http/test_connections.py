"""Connections on real sockets: their ends, their deadlines, and their cost for others."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from hamms_trio.http import FileBody, Request, Response, Router, ServerLimits, text
from hamms_trio.http.limits.limits import EXCHANGES_IN_ONE_GO
from tests.http.conversations import GET, LAST, get, read_answers, statuses
from tests.http.server import Serve, read_all, read_until, reset, serving, wait_until


@pytest.fixture
def router(router: Router) -> Router:
    @router.get("/slow")
    async def slow(_request: Request) -> Response:
        await trio.sleep(0.01)
        return text("slow")

    @router.get("/silent")
    async def silent(_request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    return router


async def test_answers_come_in_the_order_of_the_requests(serve: Serve, router: Router) -> None:
    requests = [get("/slow"), GET, get("/stream"), GET, get("/slow"), get("/nothing"), LAST]
    async with serve(router) as server:
        answers = read_answers(await server.ask(b"".join(requests)))

    assert [answer.body for answer in answers][:5] == [
        b"slow",
        b"Hello World",
        b"chunk-one\nchunk-two\nchunk-three\n",
        b"Hello World",
        b"slow",
    ]
    assert [answer.status for answer in answers] == [200] * 5 + [404, 200]


async def test_thousands_of_pipelined_requests_are_answered(serve: Serve, router: Router) -> None:
    async with serve(router, ServerLimits(requests=0)) as server:
        answered = await server.ask(GET * 3000)

    assert answered.count(b"Hello World") == 3000


@pytest.mark.parametrize(
    "last",
    [get("/slow", "Connection: close"), b"GET /stream HTTP/1.0\r\n\r\n"],
    ids=["Connection: close", "HTTP/1.0"],
)
async def test_nothing_is_answered_after_the_last_answer_of_a_task(
    serve: Serve, router: Router, last: bytes
) -> None:
    async with serve(router) as server:
        answered = await server.ask(last + GET)

    assert answered.count(b"HTTP/1.1 ") == 1
    assert answered.endswith((b"slow", b"chunk-three\n"))


@pytest.mark.parametrize("before", [1, EXCHANGES_IN_ONE_GO - 1, EXCHANGES_IN_ONE_GO])
async def test_a_body_that_comes_with_many_requests_before_it_is_read(
    serve: Serve, router: Router, before: int
) -> None:
    @router.post("/read")
    async def read(request: Request) -> Response:
        return text((await request.read()).decode())

    post = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
    async with serve(router, ServerLimits(content_seconds=2)) as server:
        async with await server.connect() as client:
            await client.send_all(GET * before + post + LAST)
            answers = read_answers(await read_all(client))

    assert [answer.status for answer in answers] == [200] * (before + 2)
    assert answers[before].body == b"body"


async def test_a_partial_body_behind_many_requests_is_read(serve: Serve, router: Router) -> None:
    begun = trio.Event()

    @router.post("/read")
    async def read(request: Request) -> Response:
        body = b""
        async for piece in request.pieces():
            body += piece
            begun.set()
        return text(body.decode())

    post = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf"
    async with serve(router, ServerLimits(content_seconds=2)) as server:
        async with await server.connect() as client:
            await client.send_all(GET * EXCHANGES_IN_ONE_GO + post)
            await begun.wait()
            await client.send_all(b"half" + LAST)
            *_, answer, _ = read_answers(await read_all(client))

    assert (answer.status, answer.body) == (200, b"halfhalf")


async def test_a_client_that_closes_its_side_gets_its_answer(serve: Serve, router: Router) -> None:
    async with serve(router) as server:
        (answer,) = read_answers(await server.ask(get("/slow")))

    assert answer.body == b"slow"


@pytest.mark.parametrize(("path", "status"), [(b"/submit", 413), (b"/nothing", 404)])
async def test_an_answer_arrives_although_the_client_continues_to_send(
    serve: Serve, router: Router, path: bytes, status: int
) -> None:
    """A close with unread octets is a reset, which would destroy the answer on its way."""
    head = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n" % path
    async with serve(router) as server, await server.connect() as client:
        await client.send_all(head)
        async with trio.open_nursery() as nursery:

            async def upload() -> None:
                for _ in range(20):
                    await client.send_all(b"x" * 65536)
                await client.send_eof()

            nursery.start_soon(upload)
            answered = await read_all(client)

    assert statuses(answered) == [status]


async def test_a_client_that_never_closes_is_disconnected(serve: Serve, router: Router) -> None:
    async with serve(router, ServerLimits(linger_seconds=0.05)) as server:
        async with await server.connect() as client:
            await client.send_all(LAST)
            await read_all(client)
            await wait_until(lambda: not server.service.connections)


async def test_an_idle_connection_ends_without_a_response(serve: Serve, router: Router) -> None:
    async with serve(router, ServerLimits(idle=0.05)) as server:
        async with await server.connect() as client:
            assert await read_all(client) == b""
        async with await server.connect() as client:
            await client.send_all(GET)
            assert statuses(await read_all(client)) == [200]


async def test_a_slow_head_is_answered_408(serve: Serve, router: Router) -> None:
    """However steadily its octets come: the deadline is for the whole of it."""
    async with serve(router, ServerLimits(head_seconds=0.1)) as server:
        async with await server.connect() as client, trio.open_nursery() as nursery:

            async def drip() -> None:
                while True:
                    await client.send_all(b"X")
                    await trio.sleep(0.01)

            await client.send_all(b"GET / HTTP/1.1\r\nX: ")
            nursery.start_soon(drip)
            assert statuses(await read_until(client, b"}}")) == [408]
            nursery.cancel_scope.cancel()


async def test_a_slow_body_is_answered_408(serve: Serve, router: Router) -> None:
    @router.post("/read")
    async def read(request: Request) -> Response:
        return text((await request.read()).decode())

    for path in (b"/submit", b"/read"):
        async with serve(router, ServerLimits(content_seconds=0.05)) as server:
            async with await server.connect() as client:
                head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na"
                await client.send_all(head)
                assert statuses(await read_all(client)) == [408]


async def test_a_client_that_does_not_read_is_disconnected(serve: Serve, router: Router) -> None:
    @router.get("/big")
    def big(_request: Request) -> Response:
        return Response(200, b"x" * 20_000_000)

    async with serve(router, ServerLimits(send_seconds=0.05)) as server:
        async with await server.connect() as client:
            await client.send_all(get("/big"))
            await wait_until(lambda: server.service.connections)
            await wait_until(lambda: not server.service.connections)
            with pytest.raises(trio.BrokenResourceError):
                await read_all(client)


async def test_a_client_that_does_not_read_costs_the_others_nothing(
    serve: Serve, router: Router
) -> None:
    @router.get("/big")
    def big(_request: Request) -> Response:
        return Response(200, b"x" * 1_000_000)

    async with serve(router) as server:
        async with await server.connect() as greedy:
            with trio.move_on_after(0.2):
                while True:
                    await greedy.send_all(get("/big"))
            assert statuses(await server.ask(GET)) == [200]


async def test_a_stream_is_sent_piece_by_piece_as_it_comes(serve: Serve, router: Router) -> None:
    goes_on = trio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await goes_on.wait()
        yield b"second"

    @router.get("/pieces")
    def stream(_request: Request) -> Response:
        return Response(200, pieces())

    async with serve(router) as server, await server.connect() as client:
        await client.send_all(get("/pieces"))
        first = await read_until(client, b"5\r\nfirst\r\n")
        assert b"Transfer-Encoding: chunked" in first
        goes_on.set()
        assert await read_until(client, b"0\r\n\r\n") == b"6\r\nsecond\r\n0\r\n\r\n"


async def test_a_stream_to_http_1_0_ends_with_the_connection(serve: Serve, router: Router) -> None:
    async with serve(router) as server, await server.connect() as client:
        await client.send_all(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head, _, body = (await read_all(client)).partition(b"\r\n\r\n")

    assert b"chunked" not in head
    assert b"Connection: close" in head
    assert body == b"chunk-one\nchunk-two\nchunk-three\n"


async def test_a_stream_is_closed_when_the_client_leaves(serve: Serve, router: Router) -> None:
    closed = trio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
        finally:
            closed.set()

    @router.get("/endless")
    def stream(_request: Request) -> Response:
        return Response(200, endless())

    async with serve(router) as server:
        async with await server.connect() as client:
            await client.send_all(get("/endless"))
            await client.receive_some()
        await closed.wait()


async def test_a_stream_that_breaks_is_seen_to_be_incomplete(serve: Serve, router: Router) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"some"
        raise ZeroDivisionError

    @router.get("/breaking")
    def stream(_request: Request) -> Response:
        return Response(200, breaking())

    async with serve(router) as server:
        answered = await server.ask(get("/breaking"))
        assert answered.endswith(b"4\r\nsome\r\n")
        assert statuses(await server.ask(GET)) == [200]


async def test_a_task_ends_when_its_client_resets(serve: Serve, router: Router) -> None:
    began, ended = trio.Event(), trio.Event()

    @router.get("/forever")
    async def forever(_request: Request) -> Response:
        began.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    async with serve(router) as server:
        client = await server.connect()
        await client.send_all(get("/forever"))
        await began.wait()
        reset(client)
        await ended.wait()


async def test_a_route_that_never_answers_gets_503_and_the_connection_lasts(
    serve: Serve, router: Router
) -> None:
    ended = trio.Event()

    @router.get("/forever")
    async def forever(_request: Request) -> Response:
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    async with serve(router, ServerLimits(answer_seconds=0.05)) as server:
        async with await server.connect() as client:
            await client.send_all(get("/forever") + GET)
            answers = read_answers(await read_until(client, b"Hello World"))
        await ended.wait()

    assert [answer.status for answer in answers] == [503, 200]
    assert json.loads(answers[0].body)["error"]["code"] == "overdue"
    assert server.service.account.errors["dispatch"] == 1


async def test_a_silent_route_keeps_no_half_closed_client(serve: Serve, router: Router) -> None:
    async with serve(router, ServerLimits(answer_seconds=0.05)) as server:
        assert statuses(await server.ask(get("/silent"))) == [503]
        gone = await server.connect()
        await gone.send_all(get("/silent"))
        await gone.aclose()
        await wait_until(lambda: not server.service.connections and not server.service.in_flight)


async def test_an_answer_after_the_deadline_of_its_route_is_discarded(
    serve: Serve, router: Router
) -> None:
    @router.get("/late")
    async def late(_request: Request) -> Response:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            return text("late")

    async with serve(router, ServerLimits(answer_seconds=0.05)) as server:
        assert statuses(await server.ask(get("/late") + GET)) == [503, 200]


async def test_a_route_that_resists_cancellation_loses_its_connection(router: Router) -> None:
    goes_on = trio.Event()

    @router.get("/stubborn")
    async def stubborn(_request: Request) -> Response:
        with trio.CancelScope(shield=True):
            await goes_on.wait()
        return text("late")

    async with serving(router, ServerLimits(answer_seconds=0.05)) as server:
        async with await server.connect() as client:
            await client.send_all(get("/stubborn"))
            with pytest.raises(trio.BrokenResourceError):
                await read_all(client)
        goes_on.set()
        await wait_until(lambda: not server.service.in_flight)
        assert statuses(await server.ask(GET)) == [200]


async def test_a_route_that_ignores_a_missing_body_has_its_deadline(
    serve: Serve, router: Router
) -> None:
    @router.post("/forever")
    async def forever(_request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    head = b"POST /forever HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
    limits = ServerLimits(content_seconds=0.05, answer_seconds=0.05)
    async with serve(router, limits) as server, await server.connect() as client:
        await client.send_all(head)
        (answer,) = read_answers(await read_all(client))

    assert answer.status == 503
    assert answer.fields["connection"] == "close"


async def test_a_silent_stream_keeps_only_clients_whose_side_is_open(
    serve: Serve, router: Router
) -> None:
    goes_on, closed = trio.Event(), trio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await goes_on.wait()
            yield b"second"
        finally:
            closed.set()

    @router.get("/pieces")
    def stream(_request: Request) -> Response:
        return Response(200, pieces())

    async with serve(router, ServerLimits(answer_seconds=0.05)) as server:
        async with await server.connect() as open_client, await server.connect() as client:
            for one in (open_client, client):
                await one.send_all(get("/pieces"))
                await read_until(one, b"5\r\nfirst\r\n")
            await client.send_eof()
            with pytest.raises(trio.BrokenResourceError):
                await read_all(client)
            await closed.wait()
            goes_on.set()
            assert await read_until(open_client, b"0\r\n\r\n") == b"6\r\nsecond\r\n0\r\n\r\n"


async def test_a_stream_goes_on_for_a_client_that_has_closed_its_side(
    serve: Serve, router: Router
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(12):
            await trio.sleep(0.05)
            yield b"x"

    @router.get("/pieces")
    def stream(_request: Request) -> Response:
        return Response(200, pieces())

    async with serve(router, ServerLimits(answer_seconds=0.5)) as server:
        (answer,) = read_answers(await server.ask(get("/pieces")))

    assert answer.body == b"x" * 12


async def test_a_half_closed_client_may_read_slowly(
    serve: Serve, router: Router, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 8_000_000)

    @router.get("/big")
    async def big(_request: Request) -> Response:
        return Response(200, b"x" * 8_000_000)

    @router.get("/file")
    def file(_request: Request) -> Response:
        return Response(200, FileBody(path.open("rb", buffering=0), range(8_000_000)))

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 8_000_000

    @router.get("/pieces")
    def stream(_request: Request) -> Response:
        return Response(200, pieces())

    async with serve(router, ServerLimits(answer_seconds=0.05)) as server:
        for target in ("/big", "/file", "/pieces"):
            async with await server.connect() as client:
                await client.send_all(get(target))
                begun = bytes(await client.receive_some())
                await client.send_eof()
                await trio.sleep(0.25)  # of reading something else
                (answer,) = read_answers(begun + await read_all(client))
                assert len(answer.body) == 8_000_000


async def test_a_route_reads_the_content_as_it_comes(serve: Serve, router: Router) -> None:
    pieces = []

    @router.post("/pieces", max_content=10_000_000)
    async def collect(request: Request) -> Response:
        async for piece in request.pieces():
            pieces.append(piece)
            await trio.sleep(0.001)
        return text(str(sum(map(len, pieces))))

    head = b"POST /pieces HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n"
    async with serve(router) as server:
        *_, answer = read_answers(await server.ask(head + b"x" * 3_000_000))

    assert answer.body == b"3000000"
    assert max(map(len, pieces)) < 200_000


async def test_a_route_that_reads_the_content_sends_100_continue(
    serve: Serve, router: Router
) -> None:
    reads = trio.Event()

    @router.post("/later")
    async def later(request: Request) -> Response:
        await reads.wait()
        return text((await request.read()).decode())

    head = b"POST /later HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    async with serve(router) as server, await server.connect() as client:
        await client.send_all(head)
        with trio.move_on_after(0.02) as early:
            await client.receive_some()
        assert early.cancelled_caught
        reads.set()
        await read_until(client, b"100 Continue\r\n\r\n")
        await client.send_all(b"abc" + GET)
        answered = await read_until(client, b"Hello World")

    assert [answer.body for answer in read_answers(answered)] == [b"abc", b"Hello World"]


@pytest.mark.parametrize("expects", [False, True])
async def test_a_body_that_no_route_reads_is_not_taken_for_a_request(
    serve: Serve, router: Router, expects: bool
) -> None:
    @router.post("/careless")
    async def careless(_request: Request) -> Response:
        return text("done")

    expect = b"Expect: 100-continue\r\n" if expects else b""
    head = b"POST /careless HTTP/1.1\r\nHost: a\r\n" + expect + b"Content-Length: 27\r\n\r\n"
    async with serve(router) as server, await server.connect() as client:
        await client.send_all(head)
        answered = await read_until(client, b"done")
        await client.send_all(GET[:27] + LAST)
        answered += await read_all(client)

    # A client that got no 100 may send the next request instead of the body: then the connection ends.
    assert [a.body for a in read_answers(answered)] == [b"done"] + [b"Hello World"] * (not expects)


async def test_a_bug_in_a_coroutine_route_is_500_and_the_connection_lasts(
    serve: Serve, router: Router
) -> None:
    @router.get("/bug")
    async def bug(_request: Request) -> Response:
        raise ZeroDivisionError

    async with serve(router) as server:
        assert statuses(await server.ask(get("/bug") + GET)) == [500, 200]


async def test_a_route_that_returns_no_response_is_a_500(serve: Serve, router: Router) -> None:
    @router.get("/nothing-at-all")
    def nothing(_request: Request) -> Response:
        return None  # type: ignore[return-value]

    @router.get("/nothing-later")
    async def later(_request: Request) -> Response:
        return "a string"  # type: ignore[return-value]

    @router.get("/no-octets")
    def strings(_request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield "a string"  # type: ignore[misc]

        return Response(200, pieces())

    async with serve(router) as server:
        answered = await server.ask(get("/nothing-at-all") + get("/nothing-later") + GET)
        assert statuses(answered) == [500, 500, 200]
        assert (await server.ask(get("/no-octets"))).endswith(b"\r\n\r\n")
        assert statuses(await server.ask(GET)) == [200]


async def test_a_file_is_sent_whole_and_in_parts(
    serve: Serve, router: Router, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    content = os.urandom(3_000_000)
    path.write_bytes(content)

    @router.get("/file")
    def whole(_request: Request) -> Response:
        return Response(200, FileBody(path.open("rb", buffering=0), range(len(content))))

    @router.get("/parts")
    def parts(_request: Request) -> Response:
        file = path.open("rb", buffering=0)
        return Response(206, FileBody(file, b"<", range(10), b"|", range(100, 200), b">"))

    async with serve(router) as server:
        first, second, head, last = read_answers(
            await server.ask(
                get("/file") + get("/parts") + get("/file").replace(b"GET", b"HEAD") + GET
            ),
            ["GET", "GET", "HEAD", "GET"],
        )

    assert first.body == content
    assert second.body == b"<" + content[:10] + b"|" + content[100:200] + b">"
    assert (head.body, head.fields["content-length"]) == (b"", "3000000")
    assert last.status == 200


async def test_a_file_that_becomes_shorter_is_seen_to_be_incomplete(
    serve: Serve, router: Router, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)

    @router.get("/file")
    def whole(_request: Request) -> Response:
        return Response(200, FileBody(path.open("rb", buffering=0), range(2000)))

    async with serve(router) as server:
        answered = await server.ask(get("/file") + GET)

    assert b"Content-Length: 2000\r\n" in answered
    assert answered.endswith(b"x" * 1000)


async def test_connections_above_the_limit_get_503(serve: Serve, router: Router) -> None:
    async with serve(router, ServerLimits(connections=2)) as server:
        async with await server.connect() as one, await server.connect() as two:
            for client in (one, two):
                await client.send_all(GET)
                await read_until(client, b"Hello World")
            async with await server.connect() as three:
                await three.send_all(GET)
                (answer,) = read_answers(await read_all(three))
            await one.send_all(GET)
            await read_until(one, b"Hello World")

    assert answer.status == 503
    assert answer.fields["retry-after"]


async def test_ipv6_is_served(serve: Serve, router: Router) -> None:
    async with serve(router, host="::1") as server:
        async with await trio.open_tcp_stream("::1", server.port) as client:
            await client.send_all(LAST)
            assert statuses(await read_all(client)) == [200]


async def test_a_small_answer_is_one_segment(serve: Serve, router: Router) -> None:
    async with serve(router) as server, await server.connect() as client:
        for _ in range(5):
            await client.send_all(GET)
            assert statuses(bytes(await client.receive_some())) == [200]


async def test_resets_at_any_moment_leave_nothing_behind(serve: Serve, router: Router) -> None:
    async with serve(router) as server:
        for octets in (b"", b"GET", GET, GET * 300, get("/slow"), get("/stream"), LAST):
            client = await server.connect()
            await client.send_all(octets)
            reset(client)
        assert statuses(await server.ask(GET)) == [200]
        await wait_until(lambda: not server.service.connections and not server.service.in_flight)


async def test_a_drain_answers_requests_in_flight_and_refuses_later_ones(
    serve: Serve, router: Router
) -> None:
    goes_on = trio.Event()

    @router.get("/held")
    async def slow(_request: Request) -> Response:
        await goes_on.wait()
        return text("slow")

    async with serve(router) as server:
        async with await server.connect() as busy, await server.connect() as kept:
            await kept.send_all(GET)
            await read_until(kept, b"Hello World")
            await busy.send_all(get("/held") + GET)
            await wait_until(lambda: server.service.in_flight)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(server.server.drain, 10.0)
                await wait_until(lambda: server.service.drain_began)
                with pytest.raises(OSError, match="connect"):
                    await server.connect()
                await kept.send_all(GET)
                (refused,) = read_answers(await read_all(kept))
                goes_on.set()
                (answered,) = read_answers(await read_all(busy))  # not the one behind it

    assert (answered.status, answered.body) == (200, b"slow")
    assert answered.fields["connection"] == "close"
    assert refused.status == 503
    assert refused.fields["retry-after"] == "2"
    assert refused.fields["connection"] == "close"


async def test_a_request_whose_body_comes_during_a_drain_is_answered_last(
    serve: Serve, router: Router
) -> None:
    post = get("/submit", "Content-Length: 2").replace(b"GET", b"POST")
    async with serve(router) as server:
        async with await server.connect() as client, trio.open_nursery() as nursery:
            await client.send_all(post + b"a")
            while not server.server.connections or not server.server.connections[0].is_busy:
                await trio.lowlevel.checkpoint()
            nursery.start_soon(server.server.drain, 10.0)
            await wait_until(lambda: server.service.drain_began)
            await client.send_all(b"b")
            (answer,) = read_answers(await read_all(client))
    assert (answer.status, answer.fields["connection"]) == (200, "close")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what is on its way")
async def test_a_drain_loses_no_answer_in_the_kernel(router: Router) -> None:
    """Not even a client that goes on asking: what comes after a close is answered by a reset."""
    body = b"x" * 1_000_000  # for which the kernel has room, and the client has not
    router.fixed("GET", "/big", Response(200, body))
    async with serving(router, ServerLimits(linger_seconds=30)) as server:
        async with await server.connect() as client, trio.open_nursery() as nursery:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            await client.send_all(get("/big"))
            await wait_until(lambda: server.service.account.pending)
            nursery.start_soon(server.server.drain, 60.0)
            await wait_until(lambda: server.service.drain_began)
            answered = []
            with suppress(trio.BrokenResourceError):
                while octets := await client.receive_some(16 * 1024):
                    answered.append(bytes(octets))
                    with suppress(trio.BrokenResourceError):  # once there is nobody to answer
                        await client.send_all(GET)

    assert read_answers(b"".join(answered))[0].body == body


async def test_a_drain_ends_at_its_timeout(serve: Serve, router: Router) -> None:
    async with serve(router) as server:
        async with await server.connect() as client:
            await client.send_all(get("/silent"))
            await wait_until(lambda: server.service.in_flight)
            await server.server.drain(0.05)
            with pytest.raises(trio.BrokenResourceError):
                await read_all(client)


async def test_a_drain_of_an_idle_server_takes_no_time(serve: Serve, router: Router) -> None:
    async with serve(router) as server:
        async with await server.connect() as client:
            await client.send_all(GET)
            await read_until(client, b"Hello World")
            with trio.fail_after(5):
                await server.server.drain(60.0)
                assert await read_all(client) == b""
