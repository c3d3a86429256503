"""Checks that the API starts: rights, clients, and ends."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hamms_trio.workbench import Workbench, open_workbench
from hamms_trio.workbench.building import WorkbenchOptions

SCRIPT = Path(__file__).parent.parent / "scripted_check.py"
COMMAND = (sys.executable, str(SCRIPT))


@pytest.fixture
async def workbench() -> AsyncIterator[Workbench]:
    options = WorkbenchOptions(check_command=COMMAND)
    async with open_workbench(port=0, options=options) as workbench:
        yield workbench


async def ended(workbench: Workbench) -> dict[str, Any]:
    """Wait for the end of the check that runs."""
    async for event in workbench.events("check.completed", since_id=0):
        payload = event["payload"]
        assert isinstance(payload, dict)
        return payload
    raise AssertionError


async def test_a_check_publishes_its_progress_and_keeps_its_report(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    listed = (await client.get("/api/checks/clients")).json()["clients"]
    assert [each["name"] for each in listed] == ["quick", "endless", "broken"]
    answer = await client.post(
        "/api/checks", json={"client": "quick", "suites": ["frame"], "seed": 7}
    )
    assert answer.status_code == 202
    assert answer.json()["check"]["status"] == "running"
    done = await ended(workbench)
    assert (done["status"], done["done"], done["of"]) == ("done", 1, 1)
    report = (await client.get(f"/api/checks/{done['id']}")).json()["report"]
    assert (report["seed"], report["suite"]) == (7, ["frame"])


async def test_a_check_of_a_failing_client_ends_with_the_reason(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    await client.post("/api/checks", json={"client": "broken"})
    run = await ended(workbench)
    assert (run["status"], run["problem"]) == (
        "failed",
        "the client fails against a healthy server",
    )


async def test_a_running_check_excludes_another_and_can_be_stopped(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    begun = (await client.post("/api/checks", json={"client": "endless"})).json()["check"]
    refused = await client.post("/api/checks", json={"client": "quick"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "check_running")
    assert (await client.delete(f"/api/checks/{begun['id']}")).status_code == 200
    assert (await ended(workbench))["status"] == "stopped"


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"client": "quick=/bin/sh"},
        {"client": "--driver"},
        {"client": "unknown"},
        {"client": "quick", "suites": "core"},
        {"client": "quick", "suites": ["--report=json=x"]},
        {"client": "quick", "suites": []},
        {"client": "quick", "seed": "1"},
        {"client": "quick", "command": ["rm"]},
    ],
)
async def test_a_page_chooses_no_command_and_no_path(
    client: httpx.AsyncClient, order: dict[str, object]
) -> None:
    answer = await client.post("/api/checks", json=order)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_check")


async def test_a_page_of_another_origin_starts_no_check(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/checks", json={"client": "quick"}, headers={"Origin": "http://evil.example"}
    )
    assert answer.status_code == 403
