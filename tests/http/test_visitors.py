"""Web pages of other origins change nothing here, and read nothing by a name that leads to this machine."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from hamms_trio import open_hamms
from hamms_trio.app import WorkbenchSettings
from hamms_trio.workbench import open_workbench

OURS = ["127.0.0.1", "localhost:8080", "LOCALHOST", "app.localhost:1", "[::1]:8080", "lab.test"]
THEIRS = [
    "evil.test",
    "localhost.evil.test:80",
    "notlocalhost",
    "lab.test.evil.test",
    "127.0.0.1.nip.io",
]


@pytest.mark.parametrize("host", OURS)
async def test_a_server_answers_by_its_own_names(host: str) -> None:
    async with open_workbench(port=0, allow_hosts=["lab.test"]) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            assert (await client.get("/_metrics", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", THEIRS)
@pytest.mark.parametrize(
    "path", ["/", "/stream", "/_metrics", "/metrics", "/static/test.html", "/files/a", "/nothing"]
)
async def test_a_rebound_name_reads_nothing_of_this_machine(
    host: str, path: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("private")
    opened = open_workbench(port=0, challenge=True, directory=tmp_path, allow_hosts=["lab.test"])
    async with opened as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            refused = await client.get(path, headers={"Host": host})
    assert refused.status_code == 403
    assert "--allow-host" in refused.text
    assert "private" not in refused.text


async def test_a_server_that_allows_all_hosts_answers_any_name() -> None:
    async with open_workbench(port=0, allow_hosts=["*"]) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            assert (await client.get("/", headers={"Host": "api.test"})).status_code == 200


PAGES = {
    "another origin": ({"Origin": "http://evil.test"}, 403),
    "another port": ({"Origin": "http://localhost:3000"}, 403),
    "no origin of its own": ({"Origin": "null"}, 403),
    "another site": ({"Sec-Fetch-Site": "cross-site"}, 403),
    "the server's own page": (
        {"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-origin"},
        201,
    ),
    "no page": ({}, 201),
    "a bookmark": ({"Sec-Fetch-Site": "none"}, 201),
}


@pytest.mark.parametrize(("fields", "status"), PAGES.values(), ids=PAGES)
async def test_only_pages_of_the_same_origin_write_a_file(
    fields: dict[str, str], status: int, tmp_path: Path
) -> None:
    async with open_workbench(port=0, challenge=True, directory=tmp_path) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            headers = {"Host": "localhost:1", **fields}
            answer = await client.post("/files/a", content=b"x", headers=headers)
    assert answer.status_code == status
    assert (tmp_path / "a").exists() is (status == 201)


@pytest.mark.parametrize(("host", "status"), [("lab.test", 201), ("evil.test", 403)])
async def test_a_page_of_an_allowed_name_may_use_the_api(host: str, status: int) -> None:
    mock = {"method": "GET", "path_pattern": "/a", "status": 200}
    async with open_workbench(port=0, allow_hosts=["lab.test"]) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            headers = {"Host": host, "Origin": f"http://{host}"}
            made = await client.post("/api/mocks", json=mock, headers=headers)
            mocked = await client.get("/a", headers={"Host": host})
    assert made.status_code == status
    assert mocked.status_code == (200 if status == 201 else 403)


async def test_failure_modes_answer_any_host_beside_a_strict_workbench() -> None:
    settings = WorkbenchSettings(allow_hosts=("lab.test",))
    async with open_hamms(beginning_port=0, only=["status"], workbench=settings) as hamms:
        async with httpx.AsyncClient() as client:
            asked = {
                hamms.url("status", status=200): "evil.test",
                hamms.workbench.url("/_metrics"): "evil.test",
                hamms.workbench.url("/metrics"): "lab.test",
            }
            reported = [
                (await client.get(url, headers={"Host": host})).status_code
                for url, host in asked.items()
            ]
    assert reported == [200, 403, 200]
