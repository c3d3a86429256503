"""History, replay, lab, verification, events and trends over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from hamms_trio.recording.store import HistoryBounds
from hamms_trio.workbench import VerificationFailed, Workbench, WorkbenchOptions, open_workbench
from hamms_trio.workbench.bench import BenchSettings
from tests.recording.rows import Row


async def history(client: httpx.AsyncClient, **given: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = (await client.get("/api/history", params=given)).json()[
        "history"
    ]
    return records


async def test_every_answered_request_is_recorded(client: httpx.AsyncClient) -> None:
    await client.get("/?a=1")
    await client.post("/submit", content=b"\x00\xff")
    await client.get("/nope")
    for silent in ("/_metrics", "/api/playground/state", "/static/none"):
        await client.get(silent)
    records = await history(client)

    seen = [(r["method"], r["path"], r["status"]) for r in records]
    assert seen == [("GET", "/", 200), ("POST", "/submit", 200), ("GET", "/nope", 404)]
    assert records[0]["replay_input"]["raw_target"] == "/?a=1"
    assert records[0]["response"]["body"] == "Hello World"
    assert records[1]["replay_input"]["body"] == "AP8="
    assert records[1]["replay_input"]["body_encoding"] == "base64"


async def test_a_record_carries_the_request_id_of_its_response(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    given = await client.get("/", headers={"X-Request-ID": "mine-1"})
    records = await history(client)
    ids = [record["request_id"] for record in records]
    assert ids == [answer.headers["x-request-id"], "mine-1"]
    one = await client.get("/api/history/mine-1")
    assert (given.status_code, one.json()["request"]["request_id"]) == (200, "mine-1")


async def test_pages_follow_the_cursor(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await client.get(f"/{number}")
    seen: list[str] = []
    params = {"limit": "2", "method": "GET", "status": "404"}
    while True:
        page = (await client.get("/api/history", params=params)).json()
        seen += [record["path"] for record in page["history"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert seen == [f"/{number}" for number in range(5)]


async def test_the_state_has_a_long_history_too() -> None:
    options = WorkbenchOptions(bounds=HistoryBounds(rows=3_000))
    async with open_workbench(port=0, options=options) as workbench:
        for number in range(2_500):
            document = b'{"request_id": "%d"}' % number
            workbench.bench.store.note_request(Row(document=document))
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            state = (await client.get("/api/playground/state")).json()
    ids = [record["request_id"] for record in state["history"]]
    assert ids == [str(number) for number in range(2_500)]


async def test_no_secret_reaches_the_history_or_the_events(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/api/auth/login?token=SECRET", json={"username": "a", "password": "SECRET"})
    await client.get("/", headers={"Authorization": "Bearer SECRET", "Cookie": "a=SECRET"})
    for path in (
        "/api/history",
        "/api/playground/state",
        "/api/events/snapshot",
        "/api/history/har",
    ):
        assert "SECRET" not in (await client.get(path)).text


async def test_an_import_leaves_out_mocks_of_paths_that_are_reserved(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/submit", content=b"a")
    await client.get("/users/7")
    har = (await client.get("/api/history/har")).content
    imported = (await client.post("/api/history/har", content=har)).json()

    reserved = 'POST "/submit": path_pattern is reserved: /submit'
    assert imported == {"imported": 1, "dropped": [reserved]}
    assert (await client.get("/users/7")).status_code == 404
    (mock,) = (await client.get("/api/mocks")).json()["mocks"]
    assert mock["path_pattern"] == "/users/7"


async def test_the_pages_own_requests_are_not_recorded(client: httpx.AsyncClient) -> None:
    marks = {"X-Hamms-Page": "1", "Sec-Fetch-Site": "same-origin"}
    await client.get("/a", headers=marks)
    await client.get("/b", headers={"X-Hamms-Page": "1"})
    assert [record["path"] for record in await history(client)] == ["/b"]


async def test_a_replay_shows_its_result_beside_the_original(client: httpx.AsyncClient) -> None:
    made = await client.post("/submit?x=1", content="é".encode())
    (record,) = await history(client)
    replayed = (await client.post(f"/api/replay/{record['request_id']}")).json()

    assert replayed["replayed_request_id"] == made.headers["x-request-id"]
    assert replayed["result"]["status"] == replayed["original"]["status"] == 200
    assert replayed["result"]["body_preview"] == replayed["original"]["body"] == made.text


async def test_a_replay_keeps_the_query(client: httpx.AsyncClient) -> None:  # W33
    await client.get("/api/history?limit=abc", headers={"X-Request-ID": "bad"})
    replayed = (await client.post("/api/replay/bad")).json()
    assert replayed["result"]["status"] == 400


async def test_a_replay_has_the_callers_rights_alone(tmp_path: Path) -> None:
    users = {"users": [_user("root", "admin"), _user("ann", "operator")]}
    path = tmp_path / "users.json"
    path.write_text(json.dumps(users))
    from hamms_trio.workbench.accounts import read_users

    options = WorkbenchOptions(users=read_users(path))
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            root, ann = [await _token(client, name) for name in ("root", "ann")]
            mock = {"method": "GET", "path_pattern": "/a", "status": 200}
            made = await client.post("/api/mocks", json=mock, headers=root)
            request_id = made.headers["x-request-id"]
            await client.delete(f"/api/mocks/{made.json()['mock']['id']}", headers=root)

            refused = await client.post(f"/api/replay/{request_id}", headers=ann)
            assert refused.json()["result"]["status"] == 403
            allowed = await client.post(f"/api/replay/{request_id}", headers=root)
            assert allowed.json()["result"]["status"] == 201


async def test_a_replay_that_replays_itself_ends(client: httpx.AsyncClient) -> None:
    marks = {"X-Request-ID": "loop"}
    await client.post("/api/replay/loop", headers=marks)
    looped = await client.post("/api/replay/loop", headers=marks)
    assert "loop_detected" in looped.text
    assert (await client.get("/_metrics")).json()["error_counts_by_class"]["dispatch"] == 0


async def test_head_works_wherever_get_does(client: httpx.AsyncClient) -> None:
    for path in (
        "/api/mocks",
        "/api/history",
        "/api/playground/state",
        "/openapi.json",
        "/_metrics",
    ):
        head = await client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 2


async def test_the_lab_reads_streams_and_files_whole(client: httpx.AsyncClient) -> None:  # W33
    answer = await client.post("/api/playground/request", json={"path": "/stream"})
    assert answer.json()["response"]["body"] == "chunk-one\nchunk-two\nchunk-three\n"
    assert len(await history(client)) == 1  # the lab's own request; not the inner one


async def test_verification_fails_with_the_nearest_request(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await client.get("/users/7", headers={"X-Retry": "1"})
    verdict = await client.post("/api/verify", json={"path": "/users/{id}", "times": 1})
    assert verdict.json()["verified"] is True
    assert (await workbench.verify("GET", "/users/7", headers={"X-Retry": "1"})).count == 1
    with pytest.raises(VerificationFailed, match="the nearest is GET /users/7"):
        await workbench.verify("GET", "/users/8")


async def test_the_state_survives_a_restart(tmp_path: Path) -> None:
    options = WorkbenchOptions(state=tmp_path / "state.sqlite3")
    ids = []
    for _ in range(2):
        async with open_workbench(port=0, options=options) as workbench:
            async with httpx.AsyncClient(base_url=workbench.url) as client:
                mock = {"id": "m1", "method": "GET", "path_pattern": "/a", "status": 200}
                await client.post("/api/mocks", json=mock)
                assert (await client.get("/a")).status_code == 200
                snapshot = (await client.get("/api/events/snapshot")).json()
                ids += [event["id"] for event in snapshot["events"]]
                trends = (await client.get("/api/metrics/trends?window=1h")).json()
    assert trends["summary"]["request_count"] >= 5
    assert sorted(set(ids)) == list(range(1, max(ids) + 1))
    async with open_workbench(port=0, options=options) as workbench:
        assert len(await workbench.history()) == 8  # four requests, twice


async def test_the_history_is_bounded(tmp_path: Path) -> None:
    options = WorkbenchOptions(bounds=HistoryBounds(rows=3))
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            for number in range(9):
                await client.get(f"/{number}")
        assert [record["path"] for record in await workbench.history()] == ["/6", "/7", "/8"]


async def test_the_stream_lives_and_continues_after_the_last_event() -> None:  # W14
    options = WorkbenchOptions(settings=BenchSettings(heartbeat=0.05))
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            await client.get("/first")
            async with listening(workbench, "?topics=request.completed") as stream:
                head = await stream.until(b": heartbeat")
                assert b"Content-Type: text/event-stream" in head
                assert b"retry: 100\n\n" in head
                await client.get("/second")
                event = await stream.until(b"/second")
            (name,) = re.findall(rb"id: (\d+)", event)
            await client.get("/third")
            async with listening(workbench, "", f"Last-Event-ID: {name.decode()}\r\n") as stream:
                event = await stream.until(b"}\n\n")
    assert b"/third" in event
    assert b"/second" not in event


async def test_reading_events_is_never_an_event(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        snapshot = (await client.get("/api/events/snapshot")).json()
    assert [event["type"] for event in snapshot["events"]] == ["system.health"]


async def test_a_drain_ends_the_streams(workbench: Workbench) -> None:
    async with listening(workbench) as stream:
        await stream.until(b"retry: 100\n\n")
        await workbench.drain(30)
        await stream.until(b"0\r\n\r\n")  # a complete message


class Listener:
    """A client of the event stream."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._octets = b""

    async def until(self, mark: bytes) -> bytes:
        """Everything since the last call, up to a mark."""
        while mark not in self._octets:
            more = await self._stream.receive_some()
            assert more, self._octets
            self._octets += bytes(more)
        found, _, self._octets = self._octets.partition(mark)
        return found + mark


@asynccontextmanager
async def listening(
    workbench: Workbench, query: str = "", fields: str = ""
) -> AsyncIterator[Listener]:
    """Listen to the event stream."""
    async with await trio.open_tcp_stream(workbench.host, workbench.port) as stream:
        line = f"GET /api/events/stream{query} HTTP/1.1\r\nHost: localhost\r\n"
        await stream.send_all(f"{line}{fields}\r\n".encode())
        yield Listener(stream)


def _user(name: str, role: str) -> dict[str, object]:
    from hamms_trio.workbench.accounts.users import hash_password

    return {"username": name, "role": role, "password_hash": hash_password("pw", iterations=10_000)}


async def _token(client: httpx.AsyncClient, name: str) -> dict[str, str]:
    answer = await client.post("/api/auth/login", json={"username": name, "password": "pw"})
    return {"Authorization": f"Bearer {answer.json()['session']['token']}"}
