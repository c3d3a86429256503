"""Steps of scenarios that call targets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hamms_trio.workbench import Workbench
from tests.workbench.upstreams import Answer, answering, ok, open_upstream, resetting, silent


def scenario(**step: object) -> dict[str, object]:
    return {"name": "a", "steps": [{"method": "GET", "path": "/x?y=1", "target_id": "t", **step}]}


async def first_step(workbench: Workbench, document: dict[str, object]) -> Any:
    report = await workbench.run_scenario(document)
    return report.step_results[0]


async def test_a_step_reaches_the_target_with_its_own_host(workbench: Workbench) -> None:
    async with open_upstream(answering(ok(b"from the target"))) as upstream:
        await workbench.target("T", f"{upstream.url}/base", id="t")
        step = await first_step(workbench, scenario(expect={"body_contains": ["from the target"]}))
        assert step.status == "pass"
        head = upstream.heads[0]
        assert head.startswith(b"GET /base/x?y=1 HTTP/1.1\r\n")
        assert f"\r\nHost: {upstream.url[7:]}\r\n".lower().encode() in head.lower()
        assert b"localhost" not in head
    events = workbench.events("proxy.request.completed", since_id=0)
    assert (await anext(events))["payload"] == {
        "target_id": "t",
        "method": "GET",
        "path": "/x?y=1",
        "status": 200,
    }
    await events.aclose()


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (silent, 504, "timeout"),
        (resetting, 502, "reset"),
        (answering(b"", close=True), 502, "closed"),
    ],
)
async def test_a_target_that_fails_is_the_answer_of_its_step(
    workbench: Workbench, answer: Answer, status: int, reason: str
) -> None:
    async with open_upstream(answer) as upstream:
        await workbench.target("T", upstream.url, id="t", timeout_ms=300)
        step = await first_step(workbench, scenario())
        assert (step.status, step.response.status) == ("fail", status)
        assert json.loads(step.response.body)["error"]["reason"] == reason


@pytest.mark.parametrize(
    ("members", "status"),
    [({"base_url": "http://169.254.169.254"}, 403), ({"enabled": False}, 409), ({"id": "u"}, 404)],
)
async def test_a_target_that_may_not_be_called_is_a_refusal(
    workbench: Workbench, members: dict[str, Any], status: int
) -> None:
    await workbench.target(**{"name": "T", "base_url": workbench.url, "id": "t", **members})
    assert (await first_step(workbench, scenario())).response.status == status


async def test_a_step_can_not_run_a_scenario_through_a_target(workbench: Workbench) -> None:
    await workbench.target("T", workbench.url, id="t")
    document = scenario(method="POST", path="/api/scenarios/s/run")
    await workbench.bench.scenarios.create({"id": "s", **document})
    assert (await first_step(workbench, document)).response.status == 508
