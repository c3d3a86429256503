"""Connections of failure modes and of the workbench as live events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import trio

import hamms_trio
from hamms_trio.app import Hamms

PAGE = {"X-Hamms-Page": "1", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def hamms() -> AsyncIterator[Hamms]:
    async with hamms_trio.open_hamms(beginning_port=0, workbench=True) as hamms:
        yield hamms


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


class Watched:
    """An event stream, read up to events that a test waits for."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._octets = b""

    async def line(self) -> str:
        """Return the next line; those of the chunks' framing are among them."""
        with trio.fail_after(10):
            while b"\n" not in self._octets:
                self._octets += await self._stream.receive_some()
        line, _, self._octets = self._octets.partition(b"\n")
        return line.decode().rstrip("\r")

    async def until(self, type: str) -> list[dict[str, Any]]:
        """Return the events up to the first one of a type."""
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["type"] != type:
            if (line := await self.line()).startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
        return seen


@asynccontextmanager
async def watching(hamms: Hamms, **query: str) -> AsyncIterator[Watched]:
    """Read an event stream; the server watches once the stream's first line is there."""
    target = f"/api/events/stream?{urlencode(query)}"
    async with await trio.open_tcp_stream("127.0.0.1", hamms.workbench.port) as stream:
        await stream.send_all(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        watched = Watched(stream)
        while not (await watched.line()).startswith("retry: "):
            pass
        yield watched


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("connection.") for event in events]


async def test_a_failure_modes_connection_is_shown_from_open_to_reset(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    async with watching(hamms, topics="connection.*") as watched:
        with pytest.raises(httpx.TransportError):
            await client.get(hamms.url("tcp-drop-random", "/?failrate=1&token=SECRET"))
        events = await watched.until("connection.closed")
    assert types(events) == ["opened", "received", "request", "met", "struck", "reset", "closed"]
    payloads = [event["payload"] for event in events]
    assert {payload["door"] for payload in payloads} == {"tcp-drop-random"}
    assert len({payload["connection"] for payload in payloads}) == 1
    assert payloads[2]["method"] == "GET"
    assert payloads[3]["arguments"]["failrate"] == 1
    assert "SECRET" not in json.dumps(events)
    assert [payload["at"] for payload in payloads] == sorted(payload["at"] for payload in payloads)


async def test_octets_that_follow_each_other_closely_are_one_event(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    async with watching(hamms, topics="connection.sent,connection.closed") as watched:
        answer = await client.get(hamms.url("pace-byte", "/?interval=0.0001"))
        await client.aclose()
        *sent, _closed = await watched.until("connection.closed")
    times = sum(event["payload"].get("times", 1) for event in sent)
    octets = sum(event["payload"]["octets"] for event in sent)
    assert times == octets > len(answer.content)
    assert len(sent) < times


async def test_a_filter_selects_the_connections_of_one_mode(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    async with watching(hamms, mode="status") as watched:
        await client.get(hamms.url("retries"))
        await client.get(hamms.workbench.url("/"))
        await client.get(hamms.url("status"), headers={"Connection": "close"})
        events = await watched.until("connection.closed")
    assert {event["payload"]["mode"] for event in events} == {"status"}


async def test_a_request_to_the_workbench_is_shown_with_its_connection(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    async with watching(hamms, door="workbench") as watched:
        answer = await client.get(hamms.workbench.url("/?a=1"))
        await client.aclose()
        events = await watched.until("connection.closed")
    assert types(events) == ["opened", "answered", "left", "ended", "closed"]
    told = events[1]
    assert (told["payload"]["target"], told["payload"]["status"]) == ("/?a=1", 200)
    assert told["trace_id"] == answer.headers["x-request-id"]


async def test_a_mock_that_fails_is_one_connection_from_beginning_to_end(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    await hamms.workbench.library.mock("/m", fail="status?status=418")
    async with watching(hamms, topics="connection.*") as watched:
        await client.get(hamms.workbench.url("/m"))
        await client.aclose()
        events = await watched.until("connection.closed")
    kinds = types(events)
    assert kinds[:4] == ["opened", "request", "met", "struck"]
    assert kinds.index("answered") < kinds.index("closed")
    assert len({event["payload"]["connection"] for event in events}) == 1
    (answered,) = (e["payload"] for e in events if e["type"] == "connection.answered")
    assert answered["status"] == 418


async def test_the_pages_own_requests_are_not_shown(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    async with watching(hamms, topics="connection.*") as watched:
        for path in ("/", "/api/events/snapshot", "/_metrics", "/static/none"):
            await client.get(hamms.workbench.url(path), headers=PAGE)
            await client.get(hamms.url("status"), headers=PAGE)
        await client.aclose()
        async with httpx.AsyncClient() as other:
            await other.get(hamms.workbench.url("/seen"))
        events = await watched.until("connection.answered")
    assert [e["payload"]["target"] for e in events if "target" in e["payload"]] == ["/seen"]


async def test_a_connection_that_brings_the_pages_own_requests_alone_is_not_shown(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    await client.get(hamms.workbench.url("/_hamms/health"), headers=PAGE)  # before anybody watches
    async with watching(hamms, topics="connection.*") as watched:
        await client.get(hamms.workbench.url("/_hamms/modes"), headers=PAGE)
        async with httpx.AsyncClient() as other:
            await other.get(hamms.workbench.url("/seen"))
        events = await watched.until("connection.answered")
    assert types(events) == ["opened", "answered"]


async def test_a_mode_is_at_its_end_before_a_patient_client_leaves(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    async with watching(hamms, topics="connection.played,connection.left") as watched:
        await client.get(hamms.url("status"))
        await client.aclose()
        assert types(await watched.until("connection.left")) == ["played", "left"]
        with pytest.raises(httpx.TimeoutException):
            async with httpx.AsyncClient() as hasty:
                await hasty.get(hamms.url("tcp-accept-hang"), timeout=0.05)
        assert types(await watched.until("connection.played")) == ["left", "played"]


async def test_a_page_of_events_continues_after_the_page_before(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    url = hamms.workbench.url("/api/events/snapshot?topics=connection.*")
    assert (await client.get(url)).json()["events"] == []
    await client.get(hamms.url("status"))
    page = (await client.get(url)).json()
    assert "connection.struck" in {event["type"] for event in page["events"]}
    rest = await client.get(url, params={"topics": "connection.*", "since_id": page["latest_id"]})
    assert rest.json()["events"] == []


async def test_no_event_is_built_while_nobody_watches(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    async with watching(hamms, topics="request.completed"):
        assert hamms.bus.publisher is None
    async with watching(hamms, topics="connection.*") as watched:
        assert hamms.bus.publisher is not None
        await client.get(hamms.url("status"))
        await watched.until("connection.sent")
    with trio.fail_after(10):
        while hamms.bus.publisher is not None:
            await client.get(hamms.workbench.url("/"))


async def test_a_library_user_sees_connections_too(hamms: Hamms, client: httpx.AsyncClient) -> None:
    events = hamms.workbench.library.events("connection.struck")
    await client.get(hamms.url("status"))
    assert (await anext(events))["type"] == "connection.struck"
    del events
    # From Python 3.12 on, the last Cancelled keeps the frames of its wait until the next checkpoint.
    await trio.lowlevel.checkpoint()
    assert hamms.bus.publisher is None


async def test_exchanges_of_the_workbench_are_on_the_bus(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    with hamms.bus.subscribe() as subscription:
        await client.get(hamms.workbench.url("/"))
        hamms.workbench.library.bench.service.account.settle()
        kinds = {type(event).__name__ for event in subscription.take()}
    assert {"Opened", "Answered"} <= kinds
