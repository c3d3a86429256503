"""/api/proxy/request: one call of a target, whatever the target does."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
import trio

from hamms_trio.certificates import ServerCertificate
from hamms_trio.http.limits.limits import ServerLimits
from hamms_trio.pki.folder import throwaway_certificates
from hamms_trio.workbench import Workbench, open_workbench
from hamms_trio.workbench.api.proxy import seconds_for
from tests.workbench.upstreams import (
    Answer,
    answering,
    endless,
    ok,
    open_upstream,
    resetting,
    silent,
)

OWN = {"target_id": "self"}


@pytest.fixture
async def own(workbench: Workbench) -> Workbench:
    """The workbench with itself as a target."""
    await workbench.target("Self", workbench.url, id="self")
    return workbench


async def call(client: httpx.AsyncClient, **members: object) -> dict[str, Any]:
    answer = await client.post("/api/proxy/request", json={"target_id": "t", **members})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_the_envelope_is_the_reference_s(own: Workbench, client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/proxy/request", json={**OWN, "path": "/"})
    document = answer.json()
    assert document["request"] == {"target_id": "self", "method": "GET", "path": "/"}
    assert document["response"]["status"] == 200
    assert document["response"]["body"] == "Hello World"
    assert document["response"]["headers"]["Content-Length"] == "11"
    assert document["trace_id"] == answer.headers["x-request-id"]


async def test_an_error_of_the_target_is_an_answer(
    own: Workbench, client: httpx.AsyncClient
) -> None:
    assert (await call(client, **OWN, path="/nothing"))["response"]["status"] == 404


async def test_the_base_path_stays_and_the_query_goes_along(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async with open_upstream(answering(ok())) as upstream:
        await workbench.target("T", f"{upstream.url}/base//", id="t")
        await call(client, path="/t?q=1&r=%20")
        assert upstream.heads[0].startswith(b"GET /base/t?q=1&r=%20 HTTP/1.1\r\n")
        assert f"\r\nHost: {upstream.url[7:]}\r\n".encode() in upstream.heads[0]


async def test_given_fields_leave_as_they_are(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async with open_upstream(answering(ok())) as upstream:
        await workbench.target("T", upstream.url, id="t")
        headers = {"Host": "other", "X-Twice": ["1", "2"], "Authorization": "Basic x"}
        await call(client, headers=headers, method="post", body="\u00e9")
        head = upstream.heads[0]
        assert head.startswith(b"POST / HTTP/1.1\r\nHost: other\r\nX-Twice: 1\r\nX-Twice: 2\r\n")
        assert b"\r\nContent-Length: 2\r\n" in head
        assert head.endswith("\u00e9".encode())


async def test_repeated_fields_and_binary_content_are_kept(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    octets = ok(b"\xff\x00", "Set-Cookie: a=1", "Set-Cookie: b=2")
    async with open_upstream(answering(octets)) as upstream:
        await workbench.target("T", upstream.url, id="t")
        response = (await call(client))["response"]
        assert (response["body"], response["body_encoding"]) == ("/wA=", "base64")
        assert response["fields"][:2] == [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]]
        assert response["headers"]["set-cookie"] == "a=1, b=2"
        await call(client, method="PUT", body="/wA=", body_encoding="base64")
        assert upstream.heads[1].endswith(b"\r\n\r\n\xff\x00")


async def test_redirects_are_answers(workbench: Workbench, client: httpx.AsyncClient) -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"
    async with open_upstream(answering(redirect)) as upstream:
        await workbench.target("T", upstream.url, id="t")
        response = (await call(client))["response"]
        assert (response["status"], response["headers"]["Location"]) == (302, "http://192.0.2.1/")
        assert len(upstream.heads) == 1


async def test_a_connection_is_used_again(workbench: Workbench, client: httpx.AsyncClient) -> None:
    async with open_upstream(answering(ok())) as upstream:
        await workbench.target("T", upstream.url, id="t")
        for _ in range(3):
            await call(client)
        assert (upstream.connections, len(upstream.heads)) == (1, 3)


async def test_a_connection_that_the_target_closes_is_replaced(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async with open_upstream(answering(ok(), close=True)) as upstream:
        await workbench.target("T", upstream.url, id="t")
        for _ in range(3):
            assert (await call(client))["response"]["body"] == "ok"
        assert upstream.connections == 3


SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\nshort"
MALFORMED: list[tuple[Answer, int, str]] = [
    (answering(b"", close=True), 502, "closed"),
    (answering(SHORT, close=True), 502, "incomplete"),
    (answering(ok() + b"more"), 502, "malformed"),
    (answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 502, "malformed"),
    (answering(b"HTTP/1.1 2000 OK\r\n\r\n"), 502, "malformed"),
    (answering(b"SSH-2.0-x\r\n\r\n"), 502, "malformed"),
    (answering(ok(b"", "X: " + "x" * 200_000)), 502, "malformed"),
    (answering(b"HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n"), 502, "malformed"),
    (resetting, 502, "reset"),
    (endless, 502, "too_large"),
    (silent, 504, "timeout"),
    (answering(SHORT), 504, "timeout"),
    (answering(b"HTTP/1.1 100 Continue\r\n\r\n"), 504, "timeout"),
]


@pytest.mark.parametrize(("answer", "status", "reason"), MALFORMED)
async def test_a_hostile_target_is_an_answer_in_the_envelope(
    workbench: Workbench, client: httpx.AsyncClient, answer: Answer, status: int, reason: str
) -> None:
    async with open_upstream(answer) as upstream:
        await workbench.target("T", upstream.url, id="t", timeout_ms=300 if status == 504 else 9000)
        response = (await call(client))["response"]
        assert response["status"] == status
        error = json.loads(response["body"])["error"]
        assert (error["code"], error["reason"]) == (
            "proxy_timeout" if status == 504 else "proxy_error",
            reason,
        )
    assert (await client.get("/")).status_code == 200


async def test_a_target_that_is_down_gives_502(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, and not listening
        await workbench.target("T", f"http://127.0.0.1:{unused.getsockname()[1]}", id="t")
        response = (await call(client))["response"]
    assert response["status"] == 502
    assert "refuses connections" in response["body"]


async def test_plain_http_is_no_answer_to_a_handshake(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async with open_upstream(answering(ok())) as upstream:
        await workbench.target("T", upstream.url.replace("http:", "https:"), id="t")
        trying = await call(client, timeout_ms=500)
        assert trying["response"]["status"] in (502, 504)


async def test_a_target_needs_a_trusted_certificate_unless_verify_tls_is_false(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    with throwaway_certificates() as made:
        certificate = ServerCertificate(made.certificate, made.key)
    async with open_workbench(port=0, certificate=certificate) as service:
        await workbench.target("T", service.url, id="t")
        refused = json.loads((await call(client))["response"]["body"])["error"]
        assert (refused["code"], refused["reason"]) == ("proxy_error", "untrusted")
        await client.put("/api/targets/t", json={"verify_tls": False})
        for _ in range(2):
            assert (await call(client))["response"]["body"] == "Hello World"
        assert (await client.get("/proxy/t/stream")).text.startswith("chunk-one")


async def test_the_timeout_of_a_call_replaces_the_target_s(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async with open_upstream(silent) as upstream:
        await workbench.target("T", upstream.url, id="t", timeout_ms=300_000)
        assert (await call(client, timeout_ms=50))["response"]["status"] == 504


async def test_a_target_fails_before_its_route_does() -> None:
    async with open_workbench(port=0, limits=ServerLimits(answer_seconds=10)) as workbench:
        assert seconds_for(workbench.bench, 300_000) == 9
        assert seconds_for(workbench.bench, 5_000) == 5


async def test_connections_end_with_their_calls(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    async with open_upstream(silent) as upstream:
        await workbench.target("T", upstream.url, id="t")
        await call(client, timeout_ms=50)
        with trio.fail_after(5):
            await upstream.gone.wait()


@pytest.mark.parametrize(
    ("members", "status", "code", "words"),
    [
        ({"target_id": ""}, 400, "invalid_proxy_request", "target_id is required"),
        ({"target_id": None}, 400, "invalid_proxy_request", "target_id is required"),
        ({"method": "BREW"}, 400, "invalid_proxy_request", "invalid method"),
        ({"path": "x"}, 400, "invalid_proxy_request", "path must start with /"),
        ({"path": "/a b"}, 400, "invalid_proxy_request", "percent-encode"),
        ({"path": "/\u00e9"}, 400, "invalid_proxy_request", "percent-encode"),
        ({"headers": 5}, 400, "invalid_proxy_request", "headers must be object"),
        ({"headers": {"A": "b\r\nC: d"}}, 400, "invalid_proxy_request", "control characters"),
        ({"headers": {"A b": "c"}}, 400, "invalid_proxy_request", "token"),
        ({"timeout_ms": "x"}, 400, "invalid_proxy_request", "timeout_ms must be a number"),
        ({"body": "!", "body_encoding": "base64"}, 400, "invalid_proxy_request", "base64"),
        ({"junk": 1}, 400, "invalid_proxy_request", "unknown field"),
        ({"target_id": "nobody"}, 404, "target_not_found", "target not found"),
        ({"target_id": "off"}, 409, "target_disabled", "is disabled"),
    ],
)
async def test_a_call_that_can_not_be_made_is_refused(
    own: Workbench,
    client: httpx.AsyncClient,
    members: dict[str, object],
    status: int,
    code: str,
    words: str,
) -> None:
    await own.target("off", own.url, id="off", enabled=False)
    refused = await client.post("/api/proxy/request", json={**OWN, **members})
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (status, code)
    assert words in error["message"]


class Names(trio.abc.HostnameResolver):
    """A DNS that a test decides."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.addresses = addresses
        self.asked = 0

    async def getaddrinfo(
        self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Any]:
        """Return the addresses of a name in the order in which they are given."""
        self.asked += 1
        text = host.decode() if isinstance(host, bytes) else host
        return [
            (trio.socket.AF_INET, trio.socket.SOCK_STREAM, 6, "", (address, port))
            for address in self.addresses[text.partition(".")[0]]
        ]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        """Find no names."""
        raise NotImplementedError


@pytest.mark.parametrize("address", ["192.0.2.7", "169.254.169.254", "0.0.0.0", "10.0.0.1"])
async def test_an_address_off_the_list_is_refused_by_name(
    workbench: Workbench, client: httpx.AsyncClient, address: str
) -> None:
    trio.socket.set_custom_hostname_resolver(Names(shop=["127.0.0.1", address]))
    await workbench.target("T", "http://shop.test/", id="t")
    for refused in (
        await client.post("/api/proxy/request", json={"target_id": "t"}),
        await client.get("/proxy/t/"),
    ):
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (403, "target_not_allowed")
        assert f"shop.test is at {address}" in error["message"]


async def test_a_literal_address_off_the_list_is_refused(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    for number, host in enumerate(("169.254.169.254", "[::ffff:10.0.0.1]", "[fe80::1]")):
        await workbench.target(f"T{number}", f"http://{host}/", id=f"t{number}")
        refused = await client.post("/api/proxy/request", json={"target_id": f"t{number}"})
        assert refused.status_code == 403
        assert host.strip("[]") in refused.json()["error"]["message"]


async def test_the_address_that_was_checked_is_the_one_that_is_used(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    names = Names(shop=["127.0.0.1"])
    trio.socket.set_custom_hostname_resolver(names)
    async with open_upstream(answering(ok())) as upstream:
        port = upstream.url.rpartition(":")[2]
        await workbench.target("T", f"http://shop.test:{port}", id="t")
        assert (await call(client))["response"]["status"] == 200
        names.addresses["shop"] = ["192.0.2.7"]
        assert (await call(client))["response"]["status"] == 200  # on the same connection
        assert names.asked == 1
        await client.put("/api/targets/t", json={"timeout_ms": 900})
        refused = await client.post("/api/proxy/request", json={"target_id": "t"})
        assert refused.status_code == 403
        assert b"\r\nHost: shop.test:" in upstream.heads[0]


async def test_a_named_host_never_leads_to_a_link_local_address() -> None:
    trio.socket.set_custom_hostname_resolver(Names(shop=["169.254.169.254"]))
    async with open_workbench(port=0, allow_targets=["shop.test"]) as workbench:
        await workbench.target("T", "http://shop.test/", id="t")
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            refused = await client.get("/proxy/t/")
            assert refused.status_code == 403
            assert "169.254.169.254" in refused.text


async def test_a_call_is_an_event(own: Workbench, client: httpx.AsyncClient) -> None:
    document = await call(client, **OWN, path="/?x=1")
    page = await client.get("/api/events/snapshot?topics=proxy.request.completed")
    (event,) = page.json()["events"]
    assert event["trace_id"] == document["trace_id"]
    assert event["payload"] == {
        "target_id": "self",
        "method": "GET",
        "path": "/?x=1",
        "status": 200,
    }


async def test_a_name_without_an_address_gives_502(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    class Nothing(Names):
        async def getaddrinfo(self, *_arguments: Any, **_more: Any) -> list[Any]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    trio.socket.set_custom_hostname_resolver(Nothing())
    await workbench.target("T", "http://shop.test/", id="t")
    response = (await call(client))["response"]
    assert response["status"] == 502
    assert "the target's host name has no address" in response["body"]
