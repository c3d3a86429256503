"""/api/targets: the reference's documents, and the rules that it did not keep."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from hamms_trio.workbench import WorkbenchOptions, open_workbench
from hamms_trio.workbench.bench import BenchSettings

URL = "http://127.0.0.1:21584/"


async def create(client: httpx.AsyncClient, **members: object) -> httpx.Response:
    return await client.post("/api/targets", json={"name": "fixture", "base_url": URL, **members})


async def test_a_target_has_the_members_of_the_reference(client: httpx.AsyncClient) -> None:
    created = await create(client, id="fx", timeout_ms=4000)
    assert created.status_code == 201
    target = created.json()["target"]
    assert target.pop("created_at") == target.pop("updated_at")
    expected = {"id": "fx", "name": "fixture", "base_url": URL, "enabled": True, "timeout_ms": 4000}
    assert target == expected


async def test_a_target_is_listed_shown_changed_and_deleted(client: httpx.AsyncClient) -> None:
    target = (await create(client)).json()["target"]
    assert len(target["id"]) == 8
    path = f"/api/targets/{target['id']}"
    assert (await client.get("/api/targets")).json() == {"targets": [target]}
    assert (await client.get(path)).json() == {"target": target}
    changed = (await client.put(path, json={"enabled": False})).json()["target"]
    assert (changed["enabled"], changed["name"], changed["timeout_ms"]) == (False, "fixture", 5000)
    assert (await client.delete(path)).json() == {"deleted": True, "id": target["id"]}
    missing = await client.get(path)
    assert missing.status_code == 404
    assert missing.json()["error"] == {"code": "not_found", "message": "target not found"}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"name": " "}, "name is required"),
        ({"name": 5}, "name is required"),
        ({"name": "a\nb"}, "control character"),
        ({"name": "x" * 201}, "at most 200 characters"),
        ({"base_url": "ftp://127.0.0.1"}, "base_url must start with http:// or https://"),
        ({"base_url": "http://"}, "base_url"),
        ({"base_url": "http://a:99999/"}, "base_url must be a URL"),
        ({"base_url": "http://a:0/"}, "a port from 1 to 65535"),
        ({"base_url": "http://u:p@a/"}, "credentials"),
        ({"base_url": "http://a/?q"}, "query"),
        ({"base_url": "http://a b/"}, "visible ASCII"),
        ({"base_url": "http://[::1/"}, "base_url must be a URL"),
        ({"timeout_ms": "x"}, "timeout_ms must be a number"),
        ({"timeout_ms": 0}, "timeout_ms must be a number"),
        ({"timeout_ms": None}, "timeout_ms must be a number"),
        ({"enabled": "yes"}, "enabled must be true or false"),
        ({"junk": 1}, "unknown field"),
        ({"id": "a/b"}, "id must be"),
        ({"id": ".."}, "id must be"),
        ({"id": "local"}, "the workbench itself"),
        ({"fail": "frame-cl-short-fim"}, "frame-cl-short-fin"),
        ({"share": 2}, "share"),
    ],
)
async def test_a_target_that_can_not_be_used_is_refused(
    client: httpx.AsyncClient, members: dict[str, object], words: str
) -> None:
    refused = await create(client, **members)
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "invalid_target"
    assert words in refused.json()["error"]["message"]
    kept = (await create(client, id="kept")).json()["target"]
    changed = await client.put("/api/targets/kept", json=members)
    assert changed.status_code in ((200, 400) if "id" in members else (400,))
    assert (await client.get("/api/targets/kept")).json()["target"]["base_url"] == kept["base_url"]


async def test_names_are_unique_in_any_case(client: httpx.AsyncClient) -> None:
    await create(client, id="one")
    again = await create(client, name="FIXTURE")
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "duplicate_target"
    assert (await create(client, id="one", name="other")).status_code == 409
    await create(client, id="two", name="other")
    assert (await client.put("/api/targets/two", json={"name": "Fixture"})).status_code == 409


async def test_the_number_of_targets_is_limited() -> None:
    options = WorkbenchOptions(settings=BenchSettings(targets=1))
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            await create(client)
            refused = await create(client, name="second")
            assert refused.status_code == 413
            assert refused.json()["error"]["message"] == "max targets reached: 1"


async def test_targets_survive_a_restart_and_bad_ones_are_left_out(tmp_path: Path) -> None:
    imported = tmp_path / "targets.json"
    good = (
        f'{{"id": "t1", "name": "old", "base_url": "{URL}", "enabled": true, "timeout_ms": 5000}}'
    )
    bad = '{"id": "t2", "name": "bad", "base_url": "http://", "timeout_ms": "x"}'
    imported.write_text(f'{{"version": 1, "targets": [{good}, {bad}]}}')
    options = WorkbenchOptions(state=tmp_path / "state", imports=(imported,))
    for _ in range(2):
        async with open_workbench(port=0, options=options) as workbench:
            async with httpx.AsyncClient(base_url=workbench.url) as client:
                listed = (await client.get("/api/targets")).json()["targets"]
                assert [target["id"] for target in listed] == ["t1"]


async def test_without_targets_there_is_no_proxy_either() -> None:
    async with open_workbench(port=0, options=WorkbenchOptions(targets=False)) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            for path in ("/api/targets", "/api/proxy/request", "/proxy/a/b"):
                assert (await client.get(path)).status_code == 404
