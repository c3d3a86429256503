"""Mocks over HTTP."""

from __future__ import annotations

import json
import os
from tempfile import NamedTemporaryFile
from typing import Any

import httpx
import pytest
import trio

from hamms_trio.http.accounting.access_log import LogFormat
from hamms_trio.workbench import Workbench, open_workbench

MOCK = {"method": "GET", "path_pattern": "/a", "status": 200}


async def created(client: httpx.AsyncClient, **members: object) -> dict[str, Any]:
    response = await client.post("/api/mocks", json={**MOCK, **members})
    assert response.status_code == 201, response.text
    mock: dict[str, Any] = response.json()["mock"]
    return mock


async def test_a_mock_is_created_shown_changed_and_deleted(client: httpx.AsyncClient) -> None:
    made = await created(client, id="m1", body="one", content_type="text/plain")

    assert (await client.get("/a")).text == "one"
    assert (await client.get("/api/mocks/m1")).json() == {"mock": made}
    assert (await client.get("/api/mocks")).json() == {"mocks": [made]}
    changed = await client.put("/api/mocks/m1", json={"body": "two"})
    assert changed.json()["mock"]["body"] == "two"
    assert (await client.get("/a")).text == "two"
    deleted = await client.delete("/api/mocks/m1")
    assert deleted.json() == {"deleted": True, "id": "m1"}
    assert (await client.get("/a")).status_code == 404
    assert (await client.delete("/api/mocks/m1")).status_code == 404


async def test_a_mock_answers_head_and_refuses_other_methods(
    client: httpx.AsyncClient,
) -> None:
    await created(client, body="one")
    head = await client.head("/a")
    refused = await client.post("/a")

    assert (head.status_code, head.headers["content-length"], head.content) == (200, "3", b"")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_a_mock_takes_values_and_matchers_from_the_request(client: httpx.AsyncClient) -> None:
    await created(
        client,
        path_pattern="/users/{id}",
        method="POST",
        body='{"n": {{body.n}}, "id": "{{path.id}}"}',
    )
    await created(client, path_pattern="/users/{id}", method="POST", status=409, body_json={"n": 5})

    answer = await client.post("/users/7", json={"n": 4})
    assert answer.json() == {"n": 4, "id": "7"}


async def test_a_sequence_is_played_over_the_wire(client: httpx.AsyncClient) -> None:
    await created(client, sequence=[{"status": 500}, {"status": 503}, {"status": 200}])
    statuses = [(await client.get("/a")).status_code for _ in range(4)]
    assert statuses == [500, 503, 200, 200]


async def test_header_values_beyond_ascii_reach_the_client(client: httpx.AsyncClient) -> None:  # W3
    await created(client, headers={"X-A": "naïve ✓", "Set-Cookie": "a=b"})
    answer = await client.get("/a")
    assert answer.headers.raw[0] == (b"X-A", "naïve ✓".encode())


@pytest.mark.parametrize("status", [204, 304, 205])
async def test_a_status_without_content_frames_truthfully(  # W16
    client: httpx.AsyncClient, status: int
) -> None:
    await created(client, status=status, body="never sent")
    answers = [await client.get("/a") for _ in range(2)]  # the second one is not a leftover body
    assert [(a.status_code, a.content) for a in answers] == [(status, b"")] * 2


async def test_an_event_stream_arrives_event_by_event(client: httpx.AsyncClient) -> None:
    await created(
        client, body="data: 1\n\ndata: 2\n\n", content_type="text/event-stream", delay_ms=1
    )
    async with client.stream("GET", "/a") as answer:
        pieces = [piece async for piece in answer.aiter_raw()]
    assert pieces == [b"data: 1\n\n", b"data: 2\n\n"]


@pytest.mark.parametrize(
    "path",
    ["/", "/submit", "/stream", "/_metrics", "/metrics", "/openapi.json", "/api/auth/me", "/api/mocksfoo",
     "/static/a", "/playground", "/playground-minimal", "/api/verify"],
)  # fmt: skip
async def test_every_built_in_path_is_reserved(client: httpx.AsyncClient, path: str) -> None:
    refused = await client.post("/api/mocks", json={**MOCK, "path_pattern": path})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "invalid_mock")


async def test_mocks_under_api_are_allowed(client: httpx.AsyncClient) -> None:
    await created(client, path_pattern="/api/users", body="ok")
    assert (await client.get("/api/users")).text == "ok"


async def test_clients_that_poll_see_a_mock_as_soon_as_it_is_there(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/a")).status_code == 404
    await workbench.mock("/a", json={"n": 1})
    assert (await client.get("/a")).json() == {"n": 1}


async def test_two_creations_at_once_make_one_mock(client: httpx.AsyncClient) -> None:
    statuses = []

    async def create() -> None:
        statuses.append((await client.post("/api/mocks", json=MOCK)).status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(create)
    assert sorted(statuses) == [201, 409, 409, 409, 409]


async def test_the_access_log_names_the_mock_the_replay_and_the_run() -> None:
    with NamedTemporaryFile() as log:
        logged = open_workbench(
            port=0, log_format=LogFormat.JSON, log_descriptor=os.dup(log.fileno())
        )
        async with logged as workbench, httpx.AsyncClient(base_url=workbench.url) as client:
            mock = {"id": "m1", "method": "GET", "path_pattern": "/a", "status": 200}
            made = await client.post("/api/mocks", json=mock)
            await client.put("/api/mocks/m1", json={"body": "x"})
            await client.delete("/api/mocks/none")
            await client.delete("/api/mocks/m1")
            await client.post(f"/api/replay/{made.headers['x-request-id']}")
            scenario = {"id": "s1", "name": "s", "steps": [{"method": "GET", "path": "/"}]}
            await client.post("/api/scenarios", json=scenario)
            run = await client.post("/api/scenarios/s1/run", json={"seed": 7})
        log.seek(0)
        lines = [json.loads(line) for line in log]
    actions = [line.get("playground_action") for line in lines]
    assert actions == ["mock_create", "mock_update", None, "mock_delete", "replay", None, None]
    assert {line.get("mock_id") for line in lines} == {"m1", None}
    assert lines[4]["replayed_request_id"] == made.headers["x-request-id"]
    ran = {name: lines[-1][name] for name in ("scenario_id", "run_id", "scenario_seed")}
    run_id = run.headers["x-scenario-run-id"]
    assert ran == {"scenario_id": "s1", "run_id": run_id, "scenario_seed": 7}
