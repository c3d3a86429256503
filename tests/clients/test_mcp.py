"""The client of the MCP SDK calls a tool whose answer fails on its way."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from hamms_trio import HammsServer

mcp = pytest.importorskip("mcp", reason="mcp is not installed: see the extra clients")
TEXT = "t0 t1 t2 t3 n1"


@pytest.fixture(scope="module")
def server() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0) as server:
        yield server


async def call_tool(url: str, seconds: float) -> str:
    """Return the text that the only tool returns."""
    from mcp.client.streamable_http import streamable_http_client

    with anyio.fail_after(seconds):
        async with (
            streamable_http_client(url) as streams,
            mcp.ClientSession(*streams[:2]) as client,
        ):
            await client.initialize()
            (tool,) = (await client.list_tools()).tools
            result = await client.call_tool(tool.name, {})
            return str(result.content[0].text)


def call(server: HammsServer, segment: str, seconds: float = 10) -> str:
    url = server.url("path", f"/mode/{segment}--nonce-n1/mcp")
    return anyio.run(call_tool, url, seconds)


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ("mcp-resume--retry-0.05", TEXT),
        ("mcp-empty-data", TEXT),
        ("mcp-empty-data--kind-bare", TEXT),
        ("mcp-empty-data--kind-event", TEXT),
        ("mcp-line-separators", "t0\u2028 t1\u2028 t2\u2028 t3\u2028 n1"),
    ],
)
def test_a_call_gets_its_result(server: HammsServer, segment: str, text: str) -> None:
    assert call(server, segment) == text


def test_a_call_retries_no_sooner_than_the_retry_field_allows(server: HammsServer) -> None:
    server.start_afresh()
    assert call(server, "mcp-resume--retry-0.3") == TEXT
    requests = server.ledger.requests("mcp-resume")
    back = next(at for at, request in enumerate(requests) if request.head.get("last-event-id"))
    calls = [request for request in requests[:back] if b"tools/call" in request.body]
    assert requests[back].at - calls[-1].at >= 0.3


def test_a_call_without_a_response_is_an_error(server: HammsServer) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        call(server, "mcp-cut")
    assert not raised.group_contains(TimeoutError)


def test_a_heartbeat_keeps_a_call_waiting(server: HammsServer) -> None:
    with pytest.raises(TimeoutError):
        call(server, "mcp-heartbeat--every-0.1", seconds=1)
