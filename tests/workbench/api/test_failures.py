"""Failure modes as the answers of mocks: the client meets the real thing, on its own connection."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import trio

import hamms_trio
from hamms_trio.workbench import Workbench
from hamms_trio.workbench.chance import strikes

SHORT = "frame-cl-short-fin"


async def test_a_mock_answers_by_a_failure_mode(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await workbench.mock("/a", method="POST", fail=SHORT)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await client.post("/a", content=b"content")
    assert (await client.get("/")).text == "Hello World"
    (record, _) = await workbench.history()
    assert (record["path"], record["status"], record["failure_mode"]) == ("/a", 200, SHORT)
    assert record["bytes_out"] != 0
    assert "response" not in record


async def test_a_failure_mode_without_a_status_is_recorded_without_one(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await workbench.mock("/a", fail="tcp-drop-random?failrate=1")
    with pytest.raises(httpx.TransportError):
        await client.get("/a")
    (record,) = await workbench.history()
    assert (record["status"], record["bytes_out"]) == (0, 0)
    assert (await client.get("/_metrics")).json()["status_counts"] == {"0": 1}


async def test_a_chunked_request_reaches_the_failure_mode_whole(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await workbench.mock("/a", method="POST", fail="status?status=503")

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    assert (await client.post("/a", content=pieces())).status_code == 503


async def test_arguments_come_from_the_mock_and_not_from_the_client(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await workbench.mock("/a", fail="status?status=418")
    assert (await client.get("/a?status=200&statuss=5")).status_code == 418


async def test_a_reset_is_a_reset(workbench: Workbench, client: httpx.AsyncClient) -> None:
    await workbench.mock("/a", fail="tcp-drop-random?failrate=1")
    with pytest.raises(httpx.TransportError):
        await client.get("/a")


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        ("tcp-refused", "needs a port of its own"),
        ("tcp-accept-hang", "needs a port of its own"),
        ("frame-cl-short-fim", "frame-cl-short-fin"),
        ("status?status=x", "status=x"),
        ("status?colour=1", "colour"),
    ],
)
async def test_a_mode_that_can_not_be_an_answer_is_refused(
    client: httpx.AsyncClient, fail: str, words: str
) -> None:
    mock = {"method": "GET", "path_pattern": "/a", "fail": fail}
    refused = await client.post("/api/mocks", json=mock)
    assert refused.status_code == 400
    assert words in refused.json()["error"]["message"]
    assert "fail is" in refused.json()["error"]["message"]


async def test_a_share_of_the_requests_fails_by_the_seed(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await workbench.mock("/a", fail=SHORT, share=0.5, seed=7)
    failed = []
    for _ in range(12):
        try:
            await client.get("/a")
        except httpx.RemoteProtocolError:
            failed.append(True)
        else:
            failed.append(False)
    assert failed == [strikes(0.5, 7, index) for index in range(12)]


async def test_a_sequence_may_fail_and_then_succeed(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    steps = [{"fail": SHORT}, {"status": 503}, {"status": 200, "body": "ok"}]
    await workbench.mock("/a", sequence=steps)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/a")
    assert (await client.get("/a")).status_code == 503
    assert (await client.get("/a")).text == "ok"


async def test_the_lab_answers_502_for_a_failure_mode_without_a_connection(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await workbench.mock("/a", fail=SHORT)
    answer = await client.post("/api/playground/request", json={"path": "/a"})
    assert answer.json()["response"]["status"] == 502


async def test_connections_lent_to_a_mode_leave_the_count_of_open_ones(
    workbench: Workbench,
) -> None:
    await workbench.mock("/a", fail=SHORT)
    async with httpx.AsyncClient(base_url=workbench.url) as client:
        for _ in range(5):
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/a")
    service = workbench.bench.service
    vacant = trio.Event()
    service.on_vacancy.append(vacant.set)
    while service.connections:
        await vacant.wait()
        vacant = trio.Event()
        service.on_vacancy[-1] = vacant.set


async def test_the_lab_beside_the_workbench_has_the_request_in_its_ledger() -> None:
    async with hamms_trio.open_hamms(beginning_port=0, only="status", workbench=True) as hamms:
        await hamms.workbench.library.mock("/a", fail="status?status=503")
        async with httpx.AsyncClient() as client:
            assert (await client.get(hamms.workbench.url("/a"))).status_code == 503
        await hamms.ledger.wait_until(lambda ledger: bool(ledger.requests("status")))
