"""The history: records, filters, pages and HAR."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from hamms_trio.recording.store import SqliteStore, open_store
from hamms_trio.workbench.history import History, page_query
from hamms_trio.workbench.history.har import har_of, mocks_of
from hamms_trio.workbench.history.record import content_of
from hamms_trio.workbench.mocks.model import read_mock
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.turns import Turns
from tests.workbench.exchanges import exchange


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    async with open_store() as store:
        yield store


async def paths(store: SqliteStore, **given: str) -> list[str]:
    documents, _ = await History(store).page(page_query(given))
    return [json.loads(document)["path"] for document in documents]


def test_a_record_has_the_shape_of_the_reference() -> None:
    made = exchange("/api/users?b=1&a=2", "POST", status=202, fields=[("X-A", "1")], body=b"hi")

    assert made.document() == {
        "request_id": "id",
        "trace_id": "id",
        "method": "POST",
        "path": "/api/users",
        "status": 202,
        "latency_ms": 1.5,
        "bytes_in": 10,
        "bytes_out": 20,
        "ts": "1970-01-01T00:00:01.000Z",
        "replay_input": {
            "method": "POST",
            "path": "/api/users",
            "raw_target": "/api/users?b=1&a=2",
            "http_version": "HTTP/1.1",
            "headers": {"x-a": "1"},
            "body": "hi",
        },
    }


@pytest.mark.parametrize("body", [b"", b"text", "é".encode(), b"\x00\xff\xfe", bytes(range(256))])
def test_a_body_is_kept_exactly(body: bytes) -> None:
    asked = exchange(body=body, answer_body=body).document()
    for part in ("replay_input", "response"):
        document = asked[part]
        assert isinstance(document, dict)
        assert content_of(document) == body


def test_a_request_that_could_not_be_read_has_no_replay_input() -> None:
    document = exchange("-", "-", status=400).document()
    assert (document["method"], document["path"], document["replay_input"]) == ("-", "-", {})


def test_a_login_leaves_no_password_and_no_token_in_the_record() -> None:
    made = exchange(
        "/api/auth/login?token=SECRET",
        "POST",
        fields=[("Authorization", "Bearer SECRET")],
        body=b'{"username": "a", "password": "SECRET"}',
        answer_fields=[("Set-Cookie", "a=SECRET"), ("Content-Type", "application/json")],
        answer_body=b'{"session": {"token": "SECRET"}}',
    )
    assert b"SECRET" not in made.row().document
    assert made.document()["replay_input"]["redacted"] is True  # type: ignore[index] # a document


FILTERS: list[tuple[dict[str, str], list[str]]] = [
    ({}, ["/a", "/b/1", "/c", "/b/2"]),
    ({"order": "newest"}, ["/b/2", "/c", "/b/1", "/a"]),
    ({"method": "post"}, ["/c"]),
    ({"path": "/b"}, ["/b/1", "/b/2"]),
    ({"status": "404"}, ["/b/2"]),
    ({"status": "none"}, []),
    ({"method": "GET", "status": "404", "path": "/b"}, ["/b/2"]),
    ({"from_ts": "1970-01-01T00:00:02Z"}, ["/b/1", "/c", "/b/2"]),
    ({"from_ts": "1970-01-01T01:00:02+01:00", "to_ts": "1970-01-01T00:00:03.000Z"}, ["/b/1", "/c"]),
    ({"from_ts": "1970-01-01T01:00:04 01:00"}, ["/b/2"]),  # the plus sign of a bare query
]


@pytest.mark.parametrize(("given", "expected"), FILTERS)
async def test_filters_select_records(
    store: SqliteStore, given: dict[str, str], expected: list[str]
) -> None:
    for number, (target, method, status) in enumerate(
        [("/a", "GET", 200), ("/b/1?x", "GET", 200), ("/c", "POST", 200), ("/b/2", "GET", 404)], 1
    ):
        store.note_request(exchange(target, method, status=status, at_ms=number * 1000))
    assert await paths(store, **given) == expected


@pytest.mark.parametrize("order", ["oldest", "newest"])
async def test_pages_have_every_record_exactly_once(store: SqliteStore, order: str) -> None:
    for number in range(25):
        store.note_request(exchange(f"/{number}"))
    history = History(store)
    seen: list[str] = []
    given = {"limit": "10", "order": order}
    for size in (10, 10, 5):
        documents, following = await history.page(page_query(given))
        assert len(documents) == size
        seen += [json.loads(document)["path"] for document in documents]
        given["cursor"] = following or ""
        store.note_request(exchange("/later")) if order == "newest" else None

    assert following is None
    expected = [f"/{number}" for number in range(25)]
    assert seen == (expected if order == "oldest" else expected[::-1])


async def test_pages_of_large_records_have_each_one_once(store: SqliteStore) -> None:
    for number in range(5):
        store.note_request(exchange(f"/{number}", body=bytes(3_000_000)))
    seen: list[str] = []
    given = {"limit": "4"}
    following: str | None = ""
    while following is not None:
        documents, following = await History(store).page(page_query(given))
        seen += [json.loads(document)["path"] for document in documents]
        given["cursor"] = following or ""
    assert seen == [f"/{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("limit", "0", "invalid_limit"),
        ("limit", "1001", "invalid_limit"),
        ("limit", "ten", "invalid_limit"),
        ("limit", "9" * 5_000, "invalid_limit"),
        ("limit", "-1", "invalid_limit"),
        ("cursor", "x", "invalid_cursor"),
        ("cursor", "5", "invalid_cursor"),
        ("cursor", "o" + "9" * 30, "invalid_cursor"),
        ("order", "up", "invalid_order"),
        ("from_ts", "yesterday", "invalid_timestamp"),
        ("to_ts", "9999-99-99", "invalid_timestamp"),
        ("page", "2", "invalid_filter"),
    ],
)
def test_a_bad_parameter_is_refused_by_name_and_value(name: str, value: str, code: str) -> None:
    with pytest.raises(Problem) as refused:
        page_query({name: value})
    assert (refused.value.status, refused.value.code) == (400, code)
    assert name in refused.value.message


async def test_a_record_is_found_by_its_request_id(store: SqliteStore) -> None:
    store.note_request(exchange("/a", request_id="x1"))
    assert (await History(store).get("x1"))["path"] == "/a"
    with pytest.raises(Problem, match="request id not found"):
        await History(store).get("x2")


async def test_records_become_a_har_document_and_mocks_again() -> None:
    made = exchange(
        "/users?q=1",
        "GET",
        status=404,
        answer_fields=[("Content-Type", "text/plain"), ("Content-Length", "4"), ("X-A", "b")],
        answer_body=b"none",
    )
    records = [json.dumps(one.document()).encode() for one in (made, exchange("-", "-"))]
    har = await har_of(records, origin="http://127.0.0.1:1", turns=Turns())
    mocks, dropped = await mocks_of(har, turns=Turns())

    (written,) = json.loads(har)["log"]["entries"]
    assert written["request"]["url"] == "http://127.0.0.1:1/users?q=1"
    assert dropped == []
    (mock,) = mocks
    assert mock == {
        "method": "GET",
        "path_pattern": "/users",
        "status": 404,
        "headers": {"content-type": "text/plain", "x-a": "b"},
        "body": "none",
        "query": {"q": "1"},
    }
    read_mock(mock, max_body=100, check_fail=lambda _: None)


def entry(**more: object) -> Document:
    request = {"method": "GET", "url": "http://a/b"}
    return {"request": request, "response": {"status": 200, **more}}


@pytest.mark.parametrize(
    ("entries", "mocks", "words"),
    [
        ([entry(), entry()], 1, "repeats GET /b"),
        ([5, entry()], 1, "log.entries[0] is not an exchange"),
        ([{"request": {"method": "TRACE", "url": "/"}, "response": {"status": 200}}], 0, '"TRACE"'),
        ([entry(headers=[{"name": "A", "value": "1"}] * 2)], 1, "a second A"),
        ([entry(content={"text": "/w==", "encoding": "base64"})], 1, "is not text"),
    ],
)
async def test_an_import_names_everything_that_it_drops(
    entries: list[object], mocks: int, words: str
) -> None:
    har = json.dumps({"log": {"entries": entries}}).encode()
    made, dropped = await mocks_of(har, turns=Turns())
    assert len(made) == mocks
    assert words in dropped[0]


@pytest.mark.parametrize("har", [b"", b"{}", b'{"log": 5}', b'{"log": {"entries": {}}}'])
async def test_a_document_that_is_not_har_is_refused(har: bytes) -> None:
    with pytest.raises(Problem, match="HAR"):
        await mocks_of(har, turns=Turns())


@pytest.mark.parametrize(
    "har",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"log": {"entries": [{"a": "\xff"}]}}',
        b'{"log": {"entries": [%b]}}' % (b"[" * 10_000 + b"]" * 10_000),
    ],
)
async def test_a_har_document_that_is_not_json_is_refused(har: bytes) -> None:
    with pytest.raises(Problem) as caught:
        await mocks_of(har, turns=Turns())
    assert caught.value.code == "invalid_json"
