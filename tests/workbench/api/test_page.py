"""The page's addresses, without a browser: negotiation, caching, and its own requests in no record."""

from __future__ import annotations

import httpx
import pytest

from hamms_trio.workbench import open_workbench
from hamms_trio.workbench.building import WorkbenchOptions

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        ("text/plain, text/html;q=0.5", False),
        ("text/html;q=0", False),
    ],
)
async def test_the_root_is_the_page_for_clients_that_prefer_html(
    client: httpx.AsyncClient, accept: str, is_page: bool
) -> None:
    answer = await client.get("/", headers={"Accept": accept})
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["content-type"].startswith("text/html" if is_page else "text/plain")
    assert (answer.text == "Hello World") is not is_page
    head = await client.head("/", headers={"Accept": accept})
    assert head.headers["content-length"] == answer.headers["content-length"]


@pytest.mark.parametrize("path", ["/playground", "/playground-minimal", "/static/dashboard.html"])
async def test_the_page_answers_at_the_addresses_of_the_reference(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_a_cached_script_gets_304(client: httpx.AsyncClient) -> None:
    answer = await client.get("/playground/app/main.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    tag = answer.headers["etag"]
    again = await client.get("/playground/app/main.js", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get("/playground/app/none.js")).status_code == 404


async def test_everything_that_the_page_loads_is_served(client: httpx.AsyncClient) -> None:
    document = (await client.get("/playground")).text
    paths = {part.partition('"')[0] for part in document.split('="/playground/')[1:]}
    assert len(paths) > 50
    for path in paths:
        assert (await client.get(f"/playground/{path}")).status_code == 200, path


async def test_the_pages_own_requests_count_nowhere(client: httpx.AsyncClient) -> None:
    own = {"X-Hamms-Page": "1", "Sec-Fetch-Site": "same-origin"}
    await client.get("/api/mocks", headers=own)
    await client.get("/playground/app/main.js")
    await client.get("/stream")
    counted = (await client.get("/_metrics", headers=own)).json()["requests_by_route"]
    assert counted == {"GET /stream": 1}
    trends = (await client.get("/api/metrics/trends", headers=own)).json()
    assert trends["summary"]["request_count"] == 1


async def test_without_the_playground_there_is_no_page() -> None:
    options = WorkbenchOptions(playground=False)
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            assert (await client.get("/playground")).status_code == 404
            assert (await client.get("/", headers={"Accept": BROWSER})).text == "Hello World"


async def test_a_transcript_is_played_with_any_arguments(client: httpx.AsyncClient) -> None:
    played = (await client.get("/api/transcripts/pace-byte--interval-0.5")).json()
    assert played["arguments"] == {"interval": 0.5}
    times = [moment["at"] for moment in played["moments"] if moment["by"] == "server"]
    assert times[:3] == [1.5, 2.0, 2.5]
    assert (await client.get("/api/transcripts/no-such-mode")).status_code == 404
    assert (await client.get("/api/transcripts/pace-byte--interval-x")).status_code == 400


@pytest.mark.parametrize(
    ("label", "end"),
    [
        ("status", ("client", "FIN")),  # the answer is complete, so the client closes
        ("llm-cut", ("client", "FIN")),
        ("frame-cl-short-hang", ("client", "gives up")),
        ("tcp-accept-hang", ("client", "gives up")),
        ("conn-idle-fin", ("server", "FIN")),
    ],
)
async def test_a_transcript_ends_as_its_client_would(
    client: httpx.AsyncClient, label: str, end: tuple[str, str]
) -> None:
    played = (await client.get(f"/api/transcripts/{label}")).json()
    last = played["moments"][-1]
    assert (last["by"], last["event"]) == end
