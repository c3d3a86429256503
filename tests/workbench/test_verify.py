"""Verification agrees with the history, and a failure shows the nearest request."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from hamms_trio.recording.store import SqliteStore, open_store
from hamms_trio.workbench.history import History
from hamms_trio.workbench.history.verify import VerificationResult, read_verification, verify
from hamms_trio.workbench.routing.problems import Problem
from tests.workbench.exchanges import exchange


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    async with open_store() as store:
        store.note_request(exchange("/users/1?a=1", fields=[("X-Retry", "0")], at_ms=1_000))
        store.note_request(exchange("/users/2", fields=[("X-Retry", "1")], at_ms=8_000))
        store.note_request(exchange("/orders", "POST", body=b'{"n": 5}', at_ms=9_000))
        store.note_request(exchange("-", "-", status=400, at_ms=9_000))
        yield store


async def verified(store: SqliteStore, text: str) -> VerificationResult:
    wanted = read_verification(json.loads(text))
    return await verify(History(store), wanted, now_ms=10_000)


MET = [
    ('{"path": "/orders"}', 1),
    ('{"path": "/orders", "method": "post", "times": 1}', 1),
    ('{"path": "/users/{id}", "times": 2}', 2),
    ('{"path": "/users/{id}", "times": 1, "within_seconds": 5}', 1),
    ('{"path": "/users/{id}", "at_least": 1, "at_most": 2}', 2),
    ('{"path": "/none", "times": 0}', 0),
    ('{"path": "/none", "at_most": 3}', 0),
    ('{"query": {"a": "1"}}', 1),
    ('{"headers": {"x-retry": "1"}}', 1),
    ('{"body_contains": "n\\": 5"}', 1),
    ('{"in_order": [{"path": "/users/1"}, {"path": "/users/2"}, {"method": "POST"}]}', 4),
]  # fmt: skip


@pytest.mark.parametrize(("text", "count"), MET)
async def test_an_expectation_that_is_met_is_verified(
    store: SqliteStore, text: str, count: int
) -> None:
    verdict = await verified(store, text)
    assert (verdict.verified, verdict.count, verdict.message) == (True, count, "")


MISSED = [
    ('{"path": "/user/1"}', ["at least 1", "/user/1", "0 came", "nearest is GET /users/1"]),
    ('{"path": "/orders", "method": "PUT"}', ["POST /orders", "method is POST, not PUT"]),
    ('{"path": "/orders", "body_contains": "n\\": 6"}', ["does not contain"]),
    ('{"path": "/users/2", "headers": {"X-Retry": "7"}}', ['header x-retry is "1", not "7"']),
    ('{"path": "/users/2", "query": {"a": "1"}}', ["query a is missing"]),
    ('{"path": "/users/{id}", "times": 3}', ["exactly 3", "2 came"]),
    ('{"path": "/users/{id}", "times": 1}', ["exactly 1", "2 came"]),
    ('{"path": "/users/1", "within_seconds": 5}', ["last 5 s", "it came at 1970-01-01T00:00:01.000Z"]),
    ('{"in_order": [{"path": "/orders"}, {"path": "/users/1"}]}', ["in_order[1]", "after any method /orders"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), MISSED)
async def test_a_failure_names_the_nearest_request(
    store: SqliteStore, text: str, words: list[str]
) -> None:
    verdict = await verified(store, text)
    assert not verdict.verified
    assert [word for word in words if word not in verdict.message] == [], verdict.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"times": -1}', "times"),
        ('{"times": "2"}', 'times: expected int | null, got str ("2")'),
        ('{"times": 1, "at_least": 1}', "at_least"),
        ('{"at_least": 3, "at_most": 1}', "at_most"),
        ('{"path": "x"}', "path must start with /"),
        ('{"within_seconds": 0}', "within_seconds"),
        ('{"colour": 1}', 'unknown field "colour"'),
        ('{"in_order": [{"times": 1}]}', "in_order[0]"),
        ('{"headers": {"a": 1}}', "headers"),
    ],
)
def test_a_bad_verification_is_refused_by_field_and_value(text: str, words: str) -> None:
    with pytest.raises(Problem) as refused:
        read_verification(json.loads(text))
    assert refused.value.status == 400
    assert words in refused.value.message
