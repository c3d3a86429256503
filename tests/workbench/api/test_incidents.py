"""/api/incidents, and the requests that an incident strikes."""

from __future__ import annotations

from random import Random
from typing import Any

import httpx
import pytest
import trio

from hamms_trio.workbench import Workbench
from tests.workbench.upstreams import answering, ok, open_upstream

REFERENCE = {
    "active": False,
    "mode": "none",
    "probability": 0.5,
    "latency_ms": 2000,
    "seed": 1337,
    "started_at": 0.0,
    "affected_requests": 0,
}


async def start(client: httpx.AsyncClient, **members: object) -> dict[str, Any]:
    answer = await client.post("/api/incidents/start", json=members)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "started"
    incident: dict[str, Any] = answer.json()["incident"]
    return incident


async def state(client: httpx.AsyncClient) -> dict[str, Any]:
    incident: dict[str, Any] = (await client.get("/api/incidents/state")).json()["incident"]
    return incident


async def receive_all(stream: trio.SocketStream) -> None:
    while await stream.receive_some():
        pass


async def test_the_state_before_an_incident_is_the_reference_s(client: httpx.AsyncClient) -> None:
    assert REFERENCE.items() <= (await state(client)).items()


async def test_an_incident_starts_with_the_reference_s_defaults(client: httpx.AsyncClient) -> None:
    incident = await start(client)
    assert (incident["active"], incident["mode"]) == (True, "status_spike_503")
    assert (incident["probability"], incident["latency_ms"], incident["seed"]) == (0.5, 2000, 1337)
    assert incident["started_at"] > 1_700_000_000


async def test_values_beyond_the_bounds_are_cut(client: httpx.AsyncClient) -> None:
    incident = await start(client, mode="FIXED_LATENCY", probability=7, latency_ms=1e9)
    assert (incident["mode"], incident["probability"]) == ("fixed_latency", 1.0)
    assert incident["latency_ms"] == 10_000
    assert (await start(client, probability=-1))["probability"] == 0


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {"mode": "earthquake"},
            "mode must be status_spike_503, fixed_latency, body_drop, or a failure mode",
        ),
        ({"mode": "tcp-refused"}, "needs a port of its own"),
        ({"mode": "status?status=x"}, "status=x"),
        ({"mode": 5}, "mode"),
        ({"probability": "x"}, "probability must be a number"),
        ({"latency_ms": "x"}, "latency_ms must be a number"),
        ({"seed": "x"}, "seed must be an integer"),
        ({"seed": [1]}, "seed must be an integer"),
        ({"distribution": "pareto"}, "distribution must be one of fixed, uniform, normal"),
        ({"ttl": 0}, "ttl"),
        ({"flap": -1}, "flap"),
        ({"jitter_ms": -1}, "jitter_ms"),
        ({"junk": 1}, "unknown field"),
    ],
)
async def test_an_impossible_incident_is_refused(
    client: httpx.AsyncClient, members: dict[str, object], words: str
) -> None:
    refused = await client.post("/api/incidents/start", json=members)
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "invalid_incident"
    assert words in refused.json()["error"]["message"]
    assert not (await state(client))["active"]


async def test_a_stop_ends_an_incident_and_may_be_repeated(client: httpx.AsyncClient) -> None:
    await start(client, probability=1)
    assert (await client.get("/")).status_code == 503
    for _ in range(2):
        stopped = (await client.post("/api/incidents/stop")).json()
        assert stopped["status"] == "stopped"
        assert (stopped["incident"]["active"], stopped["incident"]["mode"]) == (False, "none")
    assert (await client.get("/")).text == "Hello World"


async def test_a_spike_answers_503_and_the_request_is_counted(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await workbench.mock("/api/users", body="mock")  # a mock beneath /api/ is no part of the API
    await start(client, probability=1)
    for path in ("/", "/stream", "/api/users", "/nothing"):
        answer = await client.get(path)
        assert answer.status_code == 503
        assert answer.text == "Incident Injected: upstream unavailable"
    assert (await state(client))["affected_requests"] == 4
    records = [record for record in await workbench.history() if record["status"] == 503]
    assert [record["path"] for record in records] == ["/", "/stream", "/api/users", "/nothing"]
    assert {r["response"]["body"] for r in records} == {answer.text}  # type: ignore[index]


@pytest.mark.parametrize(
    "path",
    ["/api/mocks", "/_metrics", "/metrics", "/openapi.json", "/static/x", "/api/incidents/state"],
)
async def test_the_workbench_s_own_routes_are_immune(client: httpx.AsyncClient, path: str) -> None:
    before = (await client.get(path)).status_code
    await start(client, probability=1)
    assert (await client.get(path)).status_code == before != 503


async def test_a_dropped_body_leaves_status_and_fields(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await workbench.mock("/a", status=201, body="body", headers={"X-A": "b"})
    await start(client, mode="body_drop", probability=1)
    answer = await client.get("/a")
    assert (answer.status_code, answer.headers["x-a"], answer.content) == (201, "b", b"")
    assert answer.headers["content-length"] == "0"
    assert (await client.get("/stream")).content == b""


async def test_the_struck_requests_depend_on_the_seed_alone(client: httpx.AsyncClient) -> None:
    expected = [503 if Random(42 + n).random() <= 0.5 else 200 for n in range(20)]
    for _ in range(2):
        await start(client, seed=42)
        assert [(await client.get("/")).status_code for _ in range(20)] == expected
    assert (await state(client))["affected_requests"] == expected.count(503)


async def test_a_failure_mode_plays_on_the_client_s_connection(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await start(client, mode="frame-cl-short-fin", probability=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await client.post("/submit", content=b"content")
    await start(client, mode="status?status=418", probability=1)
    assert (await client.get("/")).status_code == 418


async def test_a_client_that_hangs_is_released_by_the_end(workbench: Workbench) -> None:
    with workbench.incident("frame-cl-short-hang", probability=1, ttl=60) as incident:
        async with await trio.open_tcp_stream("127.0.0.1", workbench.port) as client:
            await client.send_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert await client.receive_some()
            incident.stop()
            with pytest.raises(trio.BrokenResourceError):
                await receive_all(client)


async def test_requests_of_the_workbench_to_itself_are_struck(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await start(client, probability=1)
    lab = await client.post("/api/playground/request", json={"path": "/"})
    assert lab.json()["response"]["status"] == 503
    await start(client, mode="frame-cl-short-fin", probability=1)
    lab = await client.post("/api/playground/request", json={"path": "/"})
    assert lab.json()["response"]["status"] == 502


async def test_an_incident_strikes_on_the_way_through_the_proxy(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    large = ok(b"x" * 200_000)
    async with open_upstream(answering(large)) as upstream:
        await workbench.target("T", upstream.url, id="t")
        for mode, status in (("status_spike_503", 503), ("body_drop", 200)):
            await start(client, mode=mode, probability=1)
            answer = await client.get("/proxy/t/")
            assert (answer.status_code, len(answer.content)) == (status, 39 if status == 503 else 0)
        assert len(upstream.heads) == 2  # the target was asked; only its answer is lost
        await client.post("/api/incidents/stop")
        assert len((await client.get("/proxy/t/")).content) == 200_000


async def test_delays_pass_side_by_side_and_end_with_their_incident(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    incident = workbench.incident("fixed_latency", probability=1, latency_ms=10_000)
    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(client.get, "/")
        while incident.affected < 6:  # none waits for the one before it
            await trio.lowlevel.checkpoint()
        incident.stop()
    # The client's own limit is half the delay, so the answers have come early.


async def test_start_strikes_and_stop_of_an_incident_are_events(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await start(client, probability=1)
    struck = await client.get("/")
    await client.post("/api/incidents/stop")
    topics = "incident.started,incident.affected,incident.stopped"
    events = (await client.get(f"/api/events/snapshot?topics={topics}")).json()["events"]
    assert [event["type"] for event in events] == topics.split(",")
    assert events[1]["trace_id"] == struck.headers["x-request-id"]
    assert events[1]["payload"] == {
        "mode": "status_spike_503",
        "path": "/",
        "method": "GET",
        "status": 503,
        "affected_requests": 1,
    }
    assert events[2]["payload"]["ended_by"] == "stop"


async def test_the_metrics_count_the_faults(client: httpx.AsyncClient) -> None:
    await start(client, probability=1)
    await client.get("/")
    metrics = (await client.get("/_metrics")).json()
    assert metrics["incident_faults_total"] == 1
    assert (metrics["incident_state"], metrics["incident_profile"]) == (
        "active",
        "status_spike_503",
    )
