"""The requests that end the reference are 4xx here, and the workbench goes on (W1, W3, W16, W35)."""

from __future__ import annotations

import httpx
import pytest

MOCK = b'"method": "GET", "path_pattern": "/x", "status": 200'
DEEP = b"[" * 100_000
STEP = b'{"name": "a", "steps": [{"method": "GET", "path": "/", %b}]}'

BAD = [
    ("POST", "/api/mocks", b'{"method": "GET", "path_pattern": "/x"}', 400),
    ("POST", "/api/mocks", b"{%b, \"headers\": null}" % MOCK, 400),
    ("POST", "/api/mocks", b'{"method": "GET", "path_pattern": "/x", "status": 1e999}', 400),
    ("POST", "/api/mocks", b"{%b, \"body\": \"\\ud800\"}" % MOCK, 400),
    ("POST", "/api/mocks", DEEP, 400),
    ("POST", "/api/mocks", b'{"a":' * 50_000, 400),
    ("POST", "/api/mocks", b"\xff\xfe", 400),
    ("POST", "/api/mocks", b"null", 400),
    ("POST", "/api/mocks", b"{%b, \"body\": \"%b\"}" % (MOCK, b"x" * 300_000), 400),
    ("POST", "/api/mocks", b"x" * 600_000, 413),
    ("POST", "/api/mocks", b"{%b, \"fail\": \"frame-cl-short-fin?x\"}" % MOCK, 400),
    ("POST", "/api/mocks", b'{%b, "body_json": {"%b": 1}}' % (MOCK, b"!" * 5_000), 400),
    ("POST", "/api/mocks", b'{%b, "body_json": {"%b@": 1}}' % (MOCK, b"[@,@][]|" * 40), 400),
    ("PUT", "/api/mocks/m1", b'{"headers": 5}', 400),
    ("PUT", "/api/mocks/m1", b'{"junk": 5}', 400),
    ("PUT", "/api/mocks/m1", b'{"body": "%b"}' % (b"x" * 300_000), 400),
    ("PUT", "/api/mocks/none", b"{}", 404),
    ("PATCH", "/api/mocks/m1", b"{}", 405),
    ("GET", "/api/history?limit=abc", b"", 400),
    ("GET", "/api/history?limit=1e999", b"", 400),
    ("GET", "/api/history?cursor=%00", b"", 400),
    ("GET", "/api/history?from_ts=%FF", b"", 400),
    ("GET", "/api/history?colour=1", b"", 400),
    ("GET", "/api/history/none", b"", 404),
    ("POST", "/api/history", b"{}", 405),
    ("POST", "/api/history/har", b'{"log": []}', 400),
    ("POST", "/api/history/har", DEEP, 400),
    ("POST", "/api/replay/none", b"", 404),
    ("POST", "/api/replay/none", b"[]", 400),
    ("POST", "/api/playground/request", b'{"path": "x"}', 400),
    ("POST", "/api/playground/request", b'{"path": 5}', 400),
    ("POST", "/api/playground/request", b'{"headers": []}', 400),
    ("POST", "/api/playground/request", b'{"junk": 1}', 400),
    ("POST", "/api/playground/request", b'{"body": "%b"}' % (b"x" * 300_000), 413),
    ("POST", "/api/playground/request", b'{"method": null}', 400),
    ("POST", "/api/verify", b'{"times": 1e999}', 400),
    ("POST", "/api/verify", b'{"path": 1}', 400),
    ("POST", "/api/verify", b'{"within_seconds": "x"}', 400),
    ("POST", "/api/scenarios", b"{}", 400),
    ("POST", "/api/scenarios", b'{"name": "a", "steps": 5}', 400),
    ("POST", "/api/scenarios", DEEP, 400),
    ("POST", "/api/scenarios", STEP % b'"delay_ms": null', 400),
    ("POST", "/api/scenarios", STEP % b'"delay_ms": 1e999', 400),
    ("POST", "/api/scenarios", STEP % b'"delay_ms": "5"', 400),
    ("POST", "/api/scenarios", STEP % b'"delay_ms": 3600000', 400),
    ("POST", "/api/scenarios", STEP % b'"expect": {"status": null}', 400),
    ("POST", "/api/scenarios", STEP % b'"expect": {"status": "200"}', 400),
    ("POST", "/api/scenarios", STEP % b'"headers": {"A": "b\\r\\nC: d"}', 400),
    ("POST", "/api/scenarios", STEP % b'"chaos": {"mode": "frame-nope"}', 400),
    ("POST", "/api/scenarios", STEP % b'"chaos": {"probability": 1e999}', 400),
    ("POST", "/api/scenarios", STEP % b'"expect": {"json": {"[": 1}}', 400),
    ("POST", "/api/scenarios", STEP % b'"extract": {"a b": {"from": "status"}}', 400),
    ("POST", "/api/scenarios", STEP % b'"retry": {"attempts": 1000}', 400),
    ("POST", "/api/scenarios", STEP % b'"body": "\\ud800"', 400),
    ("PUT", "/api/scenarios/none", STEP % b'"id": "s"', 404),
    ("PATCH", "/api/scenarios/none", b"{}", 405),
    ("POST", "/api/scenarios/none/run", b"", 404),
    ("POST", "/api/scenarios/s1/run", b'{"seed": [1]}', 400),
    ("POST", "/api/scenarios/s1/run", b'{"seed": null}', 400),
    ("POST", "/api/scenarios/s1/run", b'{"seed": 1e999}', 400),
    ("POST", "/api/scenarios/s1/run", b'{"seed": "x"}', 400),
    ("POST", "/api/scenarios/s1/run", b'{"variables": {"nope": 1}}', 400),
    ("POST", "/api/scenarios/s1/run", b'{"tags": 5}', 400),
    ("GET", "/api/scenarios/s1/runs?limit=abc", b"", 400),
    ("GET", "/api/scenarios/runs/none", b"", 404),
    ("GET", "/api/scenarios/runs/none/junit", b"", 404),
    ("POST", "/api/auth/login", b'{"username": 1}', 503),
    ("DELETE", "/api/openapi", b"", 404),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "content", "status"), BAD)
async def test_bad_input_is_refused_and_costs_nobody_anything(
    client: httpx.AsyncClient, method: str, target: str, content: bytes, status: int
) -> None:
    await client.post(
        "/api/mocks", json={"id": "m1", "method": "GET", "path_pattern": "/m1", "status": 200}
    )
    step = {"method": "GET", "path": "/"}
    await client.post("/api/scenarios", json={"id": "s1", "name": "one", "steps": [step]})
    refused = await client.request(method, target, content=content)

    assert refused.status_code == status, refused.text
    assert set(refused.json()["error"]) >= {"code", "message"}
    assert (await client.get("/")).text == "Hello World"
    assert (await client.get("/_metrics")).json()["error_counts_by_class"]["dispatch"] == 0


INNER = [
    ({"method": "get"}, 501),
    ({"method": "BREW"}, 501),
    ({"method": "A B"}, 400),
    ({"path": "/a b"}, 400),
    ({"path": "/é"}, 400),
    ({"path": "/ HTTP/1.1\r\nX: y"}, 400),
    ({"headers": {"A": "b\r\nC: d"}}, 400),
    ({"headers": {"A b": "c"}}, 400),
    ({"headers": {"Host": ""}}, 400),
    ({"headers": {"Transfer-Encoding": "chunked"}}, 200),
    ({"path": "/nope"}, 404),
    ({"path": "/_metrics?x=1"}, 200),  # W33
]


@pytest.mark.parametrize(("asked", "status"), INNER)
async def test_the_lab_answers_any_request_inside(
    client: httpx.AsyncClient, asked: dict[str, object], status: int
) -> None:
    answer = await client.post("/api/playground/request", json=asked)
    assert answer.status_code == 200
    assert answer.json()["response"]["status"] == status
