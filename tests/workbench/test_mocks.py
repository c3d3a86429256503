"""Mocks: which one answers, and what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from hamms_trio.errors import StoreUnavailable
from hamms_trio.recording.store import SqliteStore, open_store
from hamms_trio.workbench.chance import strikes
from hamms_trio.workbench.mocks import MockAnswers, MockLimits, Mocks
from hamms_trio.workbench.mocks.patterns import PathPattern
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.received import ReceivedRequest


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    async with open_store() as store:
        yield store


def collection(store: SqliteStore, **limits: int) -> Mocks:
    return Mocks(
        store,
        limits=MockLimits(**limits),
        is_reserved=lambda path: path.startswith("/api/mocks"),
        check_fail=lambda _: None,
    )


def mock(path: str = "/a", **more: object) -> Document:
    return {"method": "GET", "path_pattern": path, "status": 200, **more}


async def answered(mocks: Mocks, store: SqliteStore, request: ReceivedRequest) -> str | None:
    """Return the body that answers a request, or None."""
    found = mocks.find(request.method, request.path).choose(request)
    if found is None:
        return None
    return (await MockAnswers(store, seed=0).answer(found, request)).body.decode()


PATTERNS = [
    ("/users/{id}", "/users/7", {"id": "7"}),
    ("/users/{id}", "/users/", None),
    ("/users/{id}", "/users/7/posts", None),
    ("/users/{id}/posts/{post}", "/users/7/posts/8", {"id": "7", "post": "8"}),
    ("/reports/{id}.csv", "/reports/a.b.csv", {"id": "a.b"}),
    ("/files/{rest...}", "/files/a/b", {"rest": "a/b"}),
    ("/files/{rest...}", "/files/", {"rest": ""}),
    ("/files/{rest...}", "/files", None),
    ("/files/*", "/files/a/b", {"*": "a/b"}),
    ("/a.c", "/abc", None),
    ("/a%20b", "/a%20b", {}),
    ("/ü", "/%C3%BC", {}),
    ("/{id}", "/%2e%2e", {"id": "%2e%2e"}),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "path", "expected"), PATTERNS)
def test_a_pattern_matches_whole_paths(
    pattern: str, path: str, expected: dict[str, str] | None
) -> None:
    assert PathPattern(pattern).match(path) == expected


async def test_exact_paths_come_first_and_priority_beats_them(store: SqliteStore) -> None:
    mocks = collection(store)
    await mocks.create(mock("/{any}", body="pattern"))
    await mocks.create(mock("/a", body="exact"))
    assert await answered(mocks, store, ReceivedRequest("GET", "/a")) == "exact"

    await mocks.create(mock("/{any}", body="urgent", priority=1))
    assert await answered(mocks, store, ReceivedRequest("GET", "/a")) == "urgent"
    assert await answered(mocks, store, ReceivedRequest("HEAD", "/a")) == "urgent"
    assert not mocks.find("POST", "/a")
    assert mocks.methods("/a") == {"GET", "HEAD"}


MATCHERS: list[tuple[dict[str, object], ReceivedRequest, bool]] = [
    ({"query": {"a": "1"}}, ReceivedRequest("GET", "/a", "a=0&a=1"), True),
    ({"query": {"a": "1"}}, ReceivedRequest("GET", "/a", "a=2"), False),
    ({"query": {"a": ""}}, ReceivedRequest("GET", "/a", "a="), True),
    ({"match_headers": {"X-A": "1"}}, ReceivedRequest("GET", "/a", "", [("x-a", "1")]), True),
    ({"match_headers": {"X-A": "1"}}, ReceivedRequest("GET", "/a"), False),
    ({"body_contains": "né"}, ReceivedRequest("GET", "/a", body="née".encode()), True),
    ({"body_contains": "né"}, ReceivedRequest("GET", "/a", body=b"\xff"), False),
    ({"body_json": {"a.b[0]": 1}}, ReceivedRequest("GET", "/a", body=b'{"a": {"b": [1]}}'), True),
    ({"body_json": {"a": 1}}, ReceivedRequest("GET", "/a", body=b'{"a": true}'), False),
    ({"body_json": {"a": 1}}, ReceivedRequest("GET", "/a", body=b"not json"), False),
    ({"body_json": {"abs(a)": 1}}, ReceivedRequest("GET", "/a", body=b'{"a": "x"}'), False),
]


@pytest.mark.parametrize(("matchers", "request_", "agrees"), MATCHERS)
async def test_a_matcher_decides_whether_its_mock_answers(
    store: SqliteStore, matchers: dict[str, object], request_: ReceivedRequest, agrees: bool
) -> None:
    mocks = collection(store)
    await mocks.create({**mock(body="matched"), **matchers})
    assert (await answered(mocks, store, request_) == "matched") is agrees


async def test_a_mock_with_matchers_stands_beside_one_without(store: SqliteStore) -> None:
    mocks = collection(store)
    await mocks.create(mock(body="one", query={"n": "1"}))
    await mocks.create(mock(body="any"))
    assert await answered(mocks, store, ReceivedRequest("GET", "/a", "n=1")) == "one"
    assert await answered(mocks, store, ReceivedRequest("GET", "/a", "n=2")) == "any"


TEMPLATES = [
    ("text/plain", "{{path.id}} {{ query.q }} {{header.X-A}} {{body.n}}", 'a"b c\nd e 5'),
    ("application/json", '{"id": "{{path.id}}", "n": {{body.n}}}', '{"id": "a\\"b", "n": 5}'),
    ("application/json", "{{body.list}}", '[1, {"a": "b"}]'),
    ("text/plain", "{{query.none}}|{{body.none}}|", "||"),
    ("text/plain", "{{other.thing}} {{ x }} {{path}}", "{{other.thing}} {{ x }} {{path}}"),
    ("text/plain", "{{body}}", '{"n": 5, "list": [1, {"a": "b"}]}'),
]  # fmt: skip


@pytest.mark.parametrize(("content_type", "body", "expected"), TEMPLATES)
async def test_a_template_takes_values_from_the_request(
    store: SqliteStore, content_type: str, body: str, expected: str
) -> None:
    mocks = collection(store)
    await mocks.create(mock("/users/{id}", body=body, content_type=content_type))
    request = ReceivedRequest(
        "GET", "/users/a%22b", "q=c%0Ad", [("x-a", "e")], b'{"n": 5, "list": [1, {"a": "b"}]}'
    )
    assert await answered(mocks, store, request) == expected


async def test_a_template_can_not_split_a_response(store: SqliteStore) -> None:
    mocks = collection(store)
    await mocks.create(mock(headers={"X-Back": "{{query.q}}"}))
    request = ReceivedRequest("GET", "/a", "q=a%0D%0ASet-Cookie:%20b%C3%A9")
    found = mocks.find("GET", "/a").choose(request)
    assert found is not None
    answer = await MockAnswers(store, seed=0).answer(found, request)
    assert dict(answer.fields)["X-Back"].encode("latin-1") == "a Set-Cookie: bé".encode()


async def test_a_sequence_plays_in_order_and_its_last_answer_stays(store: SqliteStore) -> None:
    mocks = collection(store)
    steps = [{"status": 500}, {"status": 500, "fail": "ok"}, {"status": 201, "body": "done"}]
    await mocks.create(mock(sequence=steps, body="usual"))
    request = ReceivedRequest("GET", "/a")
    found = mocks.find("GET", "/a").choose(request)
    assert found is not None
    answers = MockAnswers(store, seed=0)
    given = [await answers.answer(found, request) for _ in range(4)]

    assert [(a.status, a.body, a.fail) for a in given] == [
        (500, b"usual", ""),
        (500, b"usual", "ok"),
        (201, b"done", ""),
        (201, b"done", ""),
    ]
    await answers.start_afresh(found.id)
    assert (await answers.answer(found, request)).status == 500


async def test_a_share_follows_the_seed_whatever_else_is_asked(store: SqliteStore) -> None:
    mocks = collection(store)
    await mocks.create(mock(fail="ok", share=0.5, seed=42))
    await mocks.create(mock("/b", fail="ok", share=0.5, seed=42))
    answers = MockAnswers(store, seed=0)
    series: dict[str, list[bool]] = {"/a": [], "/b": []}
    for path in ["/a", "/b"] * 10 + ["/a"] * 10 + ["/b"] * 10:
        request = ReceivedRequest("GET", path)
        found = mocks.find("GET", path).choose(request)
        assert found is not None
        series[path].append(bool((await answers.answer(found, request)).fail))

    assert series["/a"] == series["/b"] == [strikes(0.5, 42, index) for index in range(20)]
    assert 4 < sum(series["/a"]) < 16


def test_the_seed_rule_is_that_of_the_reference() -> None:
    assert strikes(0.1, 1345, 0)  # Random(1345).random() = 0.0992...
    assert not strikes(0.09, 1345, 0)
    assert not strikes(0.6, 42, 0)  # Random(42).random() = 0.6394...
    assert not strikes(0, 0, 0)
    assert strikes(1, 0, 0)


async def test_an_event_stream_leaves_event_by_event(store: SqliteStore) -> None:
    mocks = collection(store)
    body = "data: 1\n\ndata: 2\nid: 5\r\n\r\ndata: 3"
    await mocks.create(mock(body=body, content_type="text/event-stream", delay_ms=20))
    request = ReceivedRequest("GET", "/a")
    found = mocks.find("GET", "/a").choose(request)
    assert found is not None
    answer = await MockAnswers(store, seed=0).answer(found, request)
    assert answer.delay == 0.02
    assert answer.events == [b"data: 1\n\n", b"data: 2\nid: 5\n\n", b"data: 3\n\n"]


@pytest.mark.parametrize(
    ("second", "status", "code", "words"),
    [
        (mock(), 409, "duplicate_mock", "method/path already exists"),
        (mock("/b", id="m1"), 409, "duplicate_mock", "mock id already exists"),
        (mock("/api/mocks/x"), 403, "invalid_mock", "path_pattern is reserved"),
    ],
)
async def test_a_mock_that_collides_is_refused(
    store: SqliteStore, second: Document, status: int, code: str, words: str
) -> None:
    mocks = collection(store)
    await mocks.create(mock(id="m1"))
    with pytest.raises(Problem) as refused:
        await mocks.create(second)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert words in refused.value.message


async def test_the_number_of_mocks_is_bounded(store: SqliteStore) -> None:
    mocks = collection(store, mocks=1)
    await mocks.create(mock())
    with pytest.raises(Problem) as refused:
        await mocks.create(mock("/b"))
    assert (refused.value.status, refused.value.code) == (413, "mock_limit")


async def test_an_update_keeps_other_members_and_is_checked(store: SqliteStore) -> None:
    mocks = collection(store, body_octets=10)
    made = await mocks.create(mock(id="m1", body="old", priority=2))
    changed = await mocks.update("m1", {"body": "new", "id": "other", "created_at": "x"})

    assert (changed["id"], changed["body"], changed["priority"]) == ("m1", "new", 2)
    assert changed["created_at"] == made["created_at"]
    with pytest.raises(Problem, match="body exceeds"):  # W35: not checked unless a status comes too
        await mocks.update("m1", {"body": "x" * 11})
    with pytest.raises(Problem, match="unknown field"):
        await mocks.update("m1", {"junk": 1})
    with pytest.raises(Problem, match="headers"):
        await mocks.update("m1", {"headers": 5})
    with pytest.raises(Problem) as missing:
        await mocks.update("none", {})
    assert missing.value.status == 404


async def test_mocks_survive_a_restart_and_a_deleted_one_does_not(tmp_path: Path) -> None:
    async with open_store(tmp_path / "state.sqlite3") as store:
        mocks = collection(store)
        for id in ("m1", "m2", "m3"):
            await mocks.create(mock(f"/{id}", id=id))
        await mocks.delete("m2")
    async with open_store(tmp_path / "state.sqlite3") as store:
        mocks = collection(store)
        await mocks.load()
        assert [document["id"] for document in mocks.documents()] == ["m1", "m3"]


async def test_changes_at_the_same_time_see_each_other(store: SqliteStore) -> None:
    mocks = collection(store)
    refused: list[str] = []

    async def create(id: str) -> None:
        try:
            await mocks.create(mock(id=id))
        except Problem as problem:
            refused.append(problem.code)

    async with trio.open_nursery() as nursery:
        for id in ("m1", "m2", "m3"):
            nursery.start_soon(create, id)
    assert refused == ["duplicate_mock"] * 2
    (id,) = (str(document["id"]) for document in mocks.documents())
    changes: list[Document] = [{"status": 201}, {"body": "x"}]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mocks.update, id, changes[0])
        nursery.start_soon(mocks.update, id, changes[1])
    assert (mocks.get(id)["status"], mocks.get(id)["body"]) == (201, "x")
    again = collection(store)
    await again.load()
    assert again.documents() == mocks.documents()


async def test_nothing_changes_when_the_store_refuses() -> None:
    async with open_store() as store:
        mocks = collection(store)
        await mocks.create(mock(id="m1", body="old"))
    with pytest.raises(StoreUnavailable):
        await mocks.update("m1", {"body": "new"})
    with pytest.raises(StoreUnavailable):
        await mocks.delete("m1")
    with pytest.raises(StoreUnavailable):
        await mocks.create(mock("/b"))
    assert [document["body"] for document in mocks.documents()] == ["old"]
