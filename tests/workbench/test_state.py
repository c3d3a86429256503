"""State files of the reference: imported, exported, refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hamms_trio.errors import StateUnusable
from hamms_trio.recording.store import SqliteStore, open_store
from hamms_trio.workbench.mocks import Mocks
from hamms_trio.workbench.state import export_state, import_once, read_state
from hamms_trio.workbench.state.imported import import_state

MOCK = {
    "id": "m1",
    "method": "POST",
    "path_pattern": "/api/users",
    "status": 201,
    "headers": {"X-A": "b"},
    "body": '{"created":true}',
    "content_type": "application/json",
    "created_at": "2026-11-20T21:52:36Z",
    "updated_at": "2026-11-20T21:52:36Z",
}
RECORD = {
    "request_id": "58822da047554ca7",
    "trace_id": "58822da047554ca7",
    "method": "POST",
    "path": "/api/users",
    "status": 202,
    "latency_ms": 0.759,
    "bytes_in": 99,
    "bytes_out": 240,
    "ts": "2026-11-20T21:53:50Z",
    "replay_input": {
        "method": "POST",
        "path": "/api/users",
        "raw_target": "/api/users?token=secret",
        "http_version": "HTTP/1.1",
        "headers": {"authorization": "Bearer secret"},
        "body": '{"password": "secret", "a": 1}',
    },
}
TARGET = {"id": "fx", "name": "fixture", "base_url": "http://127.0.0.1:1/", "enabled": True}


def mocks_of(store: SqliteStore) -> Mocks:
    return Mocks(store, is_reserved=lambda path: path == "/", check_fail=lambda _: None)


def written(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "state.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


async def test_a_state_file_is_imported_and_exported_in_the_same_shape(tmp_path: Path) -> None:
    path = written(
        tmp_path, {"version": 1, "mocks": [MOCK], "history": [RECORD], "targets": [TARGET]}
    )
    async with open_store() as store:
        assert await import_state(read_state(path), store, mocks_of(store)) == []
        exported: Any = await export_state(store, "mocks", "history")
        everything: Any = await export_state(store)

    assert exported["version"] == 1
    assert exported["mocks"] == [MOCK]
    assert everything["targets"] == [TARGET]
    (record,) = exported["history"]
    assert record["replay_input"]["raw_target"] == "/api/users?token=[redacted]"
    assert record["ts"] == "2026-11-20T21:53:50.000Z"
    assert '"secret"' not in json.dumps(record)


async def test_a_state_file_is_imported_once(tmp_path: Path) -> None:
    path = written(tmp_path, {"mocks": [MOCK]})
    async with open_store(tmp_path / "state.sqlite3") as store:
        mocks = mocks_of(store)
        imported = await import_once(path, store, mocks)
        assert imported is not None
        assert imported[0].summary == "1 mocks"
        await mocks.delete("m1")
        assert await import_once(path, store, mocks) is None
        assert await import_once(tmp_path / "none.json", store, mocks) is None
        assert len(mocks) == 0


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"mocks": [{**MOCK, "color": 1}]}, 'mock "m1": the member "color"'),
        ({"mocks": [{**MOCK, "path_pattern": "/"}]}, "reserved"),
        ({"mocks": [{**MOCK, "status": "abc"}]}, '"abc"'),
        ({"mocks": [{**MOCK, "headers": 5}]}, "headers"),
        ({"mocks": ["junk"]}, "mocks[0] is not an object"),
        ({"history": [{**RECORD, "status": "abc"}]}, "history[0]"),
        ({"history": [{**RECORD, "ts": "x"}]}, "history[0]"),
        ({"mocks": [], "extra": 1}, "extra is not a known list"),
    ],
)
async def test_an_import_names_the_dropped_entries(
    tmp_path: Path, document: dict[str, object], words: str
) -> None:
    async with open_store() as store:
        read = read_state(written(tmp_path, document))
        dropped = await import_state(read, store, mocks_of(store))
    assert any(words in sentence for sentence in dropped), dropped


@pytest.mark.parametrize(  # W29
    "document", ["[]", "{", "[" * 100_000, '{"mocks": 5}', "{}", '"abc"', "\udcff"]
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, document: str) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(document.encode(errors="surrogateescape"))
    with pytest.raises(StateUnusable, match=r"state\.json"):
        read_state(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StateUnusable, match="can't be read"):
        read_state(tmp_path / "none.json")
