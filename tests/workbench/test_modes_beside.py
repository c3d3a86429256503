"""Failure modes and the control API on the workbench's own port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import trio

import hamms_trio
from hamms_trio.app import Hamms
from hamms_trio.canary import examine


@pytest.fixture
async def hamms() -> AsyncIterator[Hamms]:
    async with hamms_trio.open_hamms(beginning_port=0, workbench=True) as hamms:
        yield hamms


@pytest.fixture
async def client(hamms: Hamms) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hamms.workbench.url()) as client:
        yield client


async def test_a_mode_answers_on_the_workbenchs_port(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/")).text == "Hello World"
    assert (await client.get("/mode/status/x?status=418")).status_code == 418
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/mode/frame-cl-short-fin/x?status=200")
    healthy = await client.get("/mode/ok/x", headers={"X-Hamms-Nonce": "abc"})
    assert examine(healthy.content, nonce="abc").is_exact
    assert (await client.get("/")).text == "Hello World"
    (record,) = hamms.ledger.requests("status")
    assert record.connection.door == "workbench-modes"


async def test_one_connection_serves_modes_and_workbench_in_turn(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    for _ in range(3):
        assert (await client.get("/mode/status/?status=503")).status_code == 503
        assert (await client.get("/")).status_code == 200
    assert len(hamms.ledger.connections("workbench-modes")) == 1


async def test_a_mode_reads_the_content_itself(hamms: Hamms, client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    for content in (b"onetwo", pieces()):
        answer = await client.post("/mode/status/?status=201", content=content)
        assert answer.status_code == 201
    assert (await client.get("/")).status_code == 200
    assert [request.body for request in hamms.ledger.requests("status")] == [b"onetwo"] * 2


async def test_a_mode_may_refuse_before_the_content_is_sent(hamms: Hamms) -> None:
    url = hamms.workbench.url("/mode/status/?status=413")
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}"]
    more = ["-H", "Expect: 100-continue", "--expect100-timeout", "20", "-d", "x" * 5_000, url]
    done = await trio.run_process(command + more, capture_stdout=True)
    assert done.stdout == b"413 0"


async def test_a_mode_continues_to_count_the_requests_of_its_connection(
    client: httpx.AsyncClient,
) -> None:
    statuses = [(await client.get("/mode/conn-421-once/")).status_code for _ in range(2)]
    assert statuses == [200, 421]


async def test_the_control_api_answers_on_the_workbenchs_port(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/_hamms/health")).status_code == 200
    await client.get("/mode/status/?status=503&nonce=ab12")
    ledger = (await client.get("/_hamms/ledger/ab12")).json()
    assert [request["status"] for request in ledger["requests"]] == [503]
    armed = await client.post("/_hamms/arm", json={"mode": "status", "arguments": {"status": 503}})
    assert armed.status_code in (200, 201)
    async with httpx.AsyncClient() as other:
        assert (await other.get(hamms.url("path", "/fixed"))).status_code == 503
    rebound = await client.get("/_hamms/health", headers={"Host": "evil.example"})
    assert rebound.status_code >= 400


async def test_the_history_has_the_status_that_a_mode_sent(
    hamms: Hamms, client: httpx.AsyncClient
) -> None:
    await client.get("/mode/status/x?status=503")
    await client.get("/_hamms/health")
    (record,) = await hamms.workbench.library.history()
    assert (record["status"], record["failure_mode"]) == (503, "status")


async def test_no_mock_can_take_the_paths_of_modes(client: httpx.AsyncClient) -> None:
    for path in ("/mode/x", "/_hamms/x"):
        mock = {"method": "GET", "path_pattern": path, "status": 200}
        assert (await client.post("/api/mocks", json=mock)).status_code == 403


async def test_the_lab_answers_502_for_a_mode_without_a_connection(
    client: httpx.AsyncClient,
) -> None:
    asked = await client.post("/api/playground/request", json={"path": "/mode/ok/"})
    assert asked.json()["response"]["status"] == 502
