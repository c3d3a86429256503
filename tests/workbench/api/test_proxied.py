"""/proxy/{target}/...: a real client reaches a target through the workbench."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import trio

import hamms_trio
from hamms_trio.workbench import Workbench, WorkbenchOptions, open_workbench
from hamms_trio.workbench.chance import strikes
from tests.workbench.upstreams import (
    Upstream,
    answering,
    endless,
    ok,
    open_upstream,
    resetting,
    silent,
)

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\nshort"


async def test_octets_and_fields_pass_as_they_come(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    lines = ("Set-Cookie: a=1", "Set-Cookie: b=2", "Server: theirs", "ETag: x", "Keep-Alive: t=1")
    async with open_upstream(answering(ok(b"\xff\x00", *lines))) as upstream:
        target = await workbench.target("T", f"{upstream.url}/base", id="t")
        answer = await client.put(
            target.url("/a%2Fb//c?x=%20&y"),
            content=b"\x00\xff",
            headers={"X-Mine": "1", "Connection": "x-hop", "X-Hop": "1", "TE": "trailers"},
        )
        head = upstream.heads[0]
        assert head.startswith(b"PUT /base/a%2Fb//c?x=%20&y HTTP/1.1\r\nHost: 127.0.0.1:")
        assert head.endswith(b"\r\n\r\n\x00\xff")
        assert b"X-Mine: 1" in head
        assert b"trailers" not in head
        assert b"hop" not in head.lower()
        assert answer.content == b"\xff\x00"
        assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert (answer.headers["server"], answer.headers["etag"]) == ("theirs", "x")
        assert "content-type" not in answer.headers
        assert answer.headers["keep-alive"] != "t=1"


async def test_a_target_is_found_by_id_and_by_name(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async with open_upstream(answering(ok())) as upstream:
        await workbench.target("My Shop", upstream.url, id="shop")
        for path in ("/proxy/shop", "/proxy/shop/", "/proxy/my%20shop/x", "/proxy/shop?q"):
            assert (await client.get(path)).text == "ok"
        requests = [head.partition(b" HTTP")[0] for head in upstream.heads]
        assert requests == [b"GET /", b"GET /", b"GET /x", b"GET /?q"]
        missing = await client.get("/proxy/nobody/x")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "target_not_found")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_each_method_reaches_the_target(
    workbench: Workbench, client: httpx.AsyncClient, method: str
) -> None:
    octets = ok(b"" if method == "HEAD" else b"ok", "Allow: ALL")
    async with open_upstream(answering(octets)) as upstream:
        await workbench.target("T", upstream.url, id="t")
        for _ in range(2):
            answer = await client.request(method, "/proxy/t/")
            assert (answer.status_code, answer.headers["allow"]) == (200, "ALL")
        assert upstream.heads[1].startswith(method.encode())
        assert upstream.connections == 1


async def test_an_answer_streams_while_it_comes(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    go_on = trio.Event()

    async def answer(upstream: Upstream, stream: trio.SocketStream) -> None:
        await upstream.receive_head(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await go_on.wait()
        await stream.send_all(b"3\r\ntwo\r\n0\r\n\r\n")

    async with open_upstream(answer) as upstream:
        await workbench.target("T", upstream.url, id="t")
        async with client.stream("GET", "/proxy/t/") as response:
            pieces = []
            async for piece in response.aiter_raw():
                pieces.append(piece)
                go_on.set()
            assert pieces == [b"one", b"two"]


async def test_a_request_streams_while_it_comes(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    first_came = trio.Event()
    received = b""

    async def answer(_upstream: Upstream, stream: trio.SocketStream) -> None:
        nonlocal received
        async for octets in stream:
            received += octets
            if b"one" in received:
                first_came.set()
            if received.endswith(b"0\r\n\r\n"):
                await stream.send_all(ok())

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        await first_came.wait()
        yield b"two"

    async with open_upstream(answer) as upstream:
        await workbench.target("T", upstream.url, id="t")
        assert (await client.post("/proxy/t/", content=pieces())).text == "ok"
        assert b"Transfer-Encoding: chunked" in received


async def test_an_answer_before_the_end_of_the_request_reaches_the_client(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async def answer(_upstream: Upstream, stream: trio.SocketStream) -> None:
        await stream.receive_some(100)
        await stream.send_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")

    async with open_upstream(answer) as upstream:
        await workbench.target("T", upstream.url, id="t")
        for _ in range(2):
            refused = await client.post("/proxy/t/", content=b"x" * 10_000_000)
            assert (refused.status_code, refused.text) == (413, "big")


async def test_large_contents_pass_whole(workbench: Workbench, client: httpx.AsyncClient) -> None:
    async with open_workbench(port=0) as other:
        await workbench.target("T", other.url, id="t")
        content = bytes(range(256)) * 1_500
        answer = await client.post("/proxy/t/submit", content=content.hex().encode()[:500_000])
        assert answer.text == "Received POST body: " + content.hex()[:500_000]


@pytest.mark.parametrize(
    ("octets", "close"),
    [(SHORT, True), (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nx", True)],
)
async def test_a_lie_about_the_length_reaches_the_client_as_one(
    workbench: Workbench, client: httpx.AsyncClient, octets: bytes, close: bool
) -> None:
    async with open_upstream(answering(octets, close=close)) as upstream:
        await workbench.target("T", upstream.url, id="t")
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message"):
            await client.get("/proxy/t/")


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (silent, 504, "timeout"),
        (resetting, 502, "reset"),
        (answering(b"", close=True), 502, "closed"),
        (answering(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), 502, "malformed"),
    ],
)
async def test_a_target_that_gives_no_answer_is_an_error_of_the_gateway(
    workbench: Workbench, client: httpx.AsyncClient, answer: Any, status: int, reason: str
) -> None:
    async with open_upstream(answer) as upstream:
        await workbench.target("T", upstream.url, id="t", timeout_ms=300)
        failed = await client.get("/proxy/t/")
        assert (failed.status_code, failed.json()["error"]["reason"]) == (status, reason)


async def test_the_target_s_connection_ends_when_the_client_leaves(workbench: Workbench) -> None:
    async with open_upstream(endless) as upstream:
        await workbench.target("T", upstream.url, id="t")
        async with await trio.open_tcp_stream("127.0.0.1", workbench.port) as leaving:
            await leaving.send_all(b"GET /proxy/t/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert await leaving.receive_some()
        with trio.fail_after(10):
            await upstream.gone.wait()


async def test_a_redirect_to_the_target_stays_at_the_proxy(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async def answer(upstream: Upstream, stream: trio.SocketStream) -> None:
        while head := await upstream.receive_head(stream):
            location = (
                head.partition(b"?")[2].partition(b" ")[0].replace(b"OWN", upstream.url.encode())
            )
            await stream.send_all(
                b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location
            )

    async with open_upstream(answer) as upstream:
        await workbench.target("T", f"{upstream.url}/base", id="t")
        for given, expected in (
            ("OWN/base/x?y", "/proxy/t/x?y"),
            ("OWN/base", "/proxy/t/"),
            ("/base/x", "/proxy/t/x"),
            ("/other", "/other"),
            ("OWN/basement", f"{upstream.url}/basement"),
            ("x/y", "x/y"),
            ("//192.0.2.1/base", "//192.0.2.1/base"),
            ("http://192.0.2.1/base", "http://192.0.2.1/base"),
        ):
            assert (await client.get(f"/proxy/t/?{given}")).headers["location"] == expected


async def test_a_target_that_leads_back_here_ends(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await workbench.target("Loop", f"{workbench.url}/proxy/loop", id="loop")
    answer = await client.get("/proxy/loop/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (508, "loop_detected")


async def test_a_target_s_failure_mode_strikes_its_share(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async with open_upstream(answering(ok())) as upstream:
        await workbench.target(
            "T", upstream.url, id="t", fail="status?status=418", share=0.5, seed=7
        )
        seen = [(await client.get("/proxy/t/")).status_code for _ in range(12)]
        assert seen == [418 if strikes(0.5, 7, index) else 200 for index in range(12)]
        await client.put("/api/targets/t", json={"fail": "frame-cl-short-fin", "share": 1})
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/proxy/t/", content=b"content")
        call = await client.post("/api/proxy/request", json={"target_id": "t"})
        assert call.json()["response"]["status"] == 200  # a call has no connection of a client


async def test_strangers_need_proxy_authorization_while_accounts_are_on() -> None:
    options = WorkbenchOptions(demo_token="t0k")
    async with open_workbench(port=0, options=options) as workbench:
        async with open_upstream(answering(ok())) as upstream:
            await workbench.target("T", upstream.url, id="t")
            async with httpx.AsyncClient(base_url=workbench.url) as client:
                refused = await client.get("/proxy/t/", headers={"Authorization": "Bearer t0k"})
                assert refused.status_code == 407
                assert refused.headers["proxy-authenticate"].startswith("Bearer")
                given = {"Proxy-Authorization": "Bearer t0k", "Authorization": "Bearer theirs"}
                assert (await client.get("/proxy/t/", headers=given)).text == "ok"
                assert b"Bearer theirs" in upstream.heads[0]
                assert b"t0k" not in upstream.heads[0]


async def test_the_history_has_requests_through_the_proxy(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async with open_upstream(answering(ok(b"found"))) as upstream:
        await workbench.target("T", upstream.url, id="t")
        await client.post("/proxy/t/a?b=c", content=b"content")
        (record,) = await workbench.history(path="/proxy/t/a")
        assert record["replay_input"]["body"] == "content"  # type: ignore[index]
        assert record["response"]["body"] == "found"  # type: ignore[index]
        page = await client.get("/api/events/snapshot?topics=proxy.request.completed")
        (event,) = page.json()["events"]
        assert event["payload"] == {
            "target_id": "t",
            "method": "POST",
            "path": "/a?b=c",
            "status": 200,
        }


async def test_a_failure_mode_of_the_lab_passes_through_the_proxy() -> None:
    async with (
        hamms_trio.open_hamms(beginning_port=0, workbench=True) as hamms,
        httpx.AsyncClient() as client,
    ):
        url = hamms.url("frame-cl-short-fin")
        target = await hamms.workbench.library.target("lab", url.rstrip("/"))
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(target.url())
