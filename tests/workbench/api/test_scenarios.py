"""/api/scenarios on a running workbench: documents, runs, reports, and the defects that they do not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import httpx
import msgspec
import pytest
import trio
import trio.testing

from hamms_trio.workbench import Workbench, WorkbenchOptions, open_workbench
from hamms_trio.workbench.bench import BenchSettings
from hamms_trio.workbench.scenarios import ScenarioLimits
from tests.workbench.scenarios.worlds import scenario, step

RUN_MEMBERS = {
    "run_id", "scenario_id", "seed", "status", "started_at", "finished_at", "failed_assertions", "summary",
    "step_results", "analysis",
}  # fmt: skip
ANALYSIS_MEMBERS = {
    "status", "reliability_score", "root_cause_summary", "failing_step_id", "failing_step_reason",
    "latency_bottleneck_route", "latency_bottleneck_ms", "suggested_next_action",
}  # fmt: skip


async def created(client: httpx.AsyncClient, *steps: dict[str, Any], **members: Any) -> str:
    """Create a scenario, and return its id."""
    answer = await client.post("/api/scenarios", json={"name": "n", "steps": steps, **members})
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["scenario"]["id"]
    return id


async def ran(client: httpx.AsyncClient, id: str, **order: Any) -> dict[str, Any]:
    answer = await client.post(f"/api/scenarios/{id}/run", json=order)
    assert answer.status_code == 200, answer.text
    run: dict[str, Any] = answer.json()["run"]
    return run


async def test_scenarios_are_created_shown_replaced_and_deleted(client: httpx.AsyncClient) -> None:
    id = await created(client, step(), name="First")
    (listed,) = (await client.get("/api/scenarios")).json()["scenarios"]
    assert (await client.get(f"/api/scenarios/{id}")).json() == {"scenario": listed}

    again = await client.post("/api/scenarios", json=scenario(step(), id="x", name="FIRST"))
    assert (again.status_code, again.json()["error"]["code"]) == (409, "duplicate_scenario")

    replaced = await client.put(f"/api/scenarios/{id}", json={"name": "B", "steps": [step()] * 2})
    changed = replaced.json()["scenario"]
    assert (changed["id"], changed["created_at"]) == (id, listed["created_at"])
    assert (changed["name"], len(changed["steps"])) == ("B", 2)

    run = await ran(client, id)
    assert (await client.delete(f"/api/scenarios/{id}")).json() == {"deleted": True, "id": id}
    assert (await client.get(f"/api/scenarios/{id}")).status_code == 404
    assert (await client.get(f"/api/scenarios/runs/{run['run_id']}")).status_code == 404


async def test_unknown_members_of_a_scenario_are_named_in_the_answer(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/api/scenarios", json=scenario(step(exepct={})))
    assert answer.json()["dropped"] == ["step 1: exepct"]


async def test_a_run_answers_with_its_report_in_the_shape_of_the_reference(
    client: httpx.AsyncClient,
) -> None:
    expect = {
        "body_contains": ["Hello"],
        "header_equals": {"Content-Type": "text/plain; charset=utf-8"},
        "max_latency_ms": 5_000,
    }
    id = await created(client, step(id="home", path="/?a=b", expect=expect))
    answer = await client.post(f"/api/scenarios/{id}/run", json={"seed": "42"})
    run = answer.json()["run"]

    assert set(run) >= RUN_MEMBERS
    named = ("run-id", "seed", "id", "status")
    fields = [answer.headers[f"x-scenario-{name}"] for name in named]
    assert fields == [run["run_id"], "42", id, "pass"]
    (result,) = run["step_results"]
    assert result["request"] == {
        "method": "GET", "path": "/?a=b", "headers": {"host": "localhost"}, "body": "", "target_id": "local",
    }  # fmt: skip
    assert [one["type"] for one in result["assertions"]] == [
        "status",
        "body_contains",
        "header_equals",
        "max_latency_ms",
    ]
    assert result["trace_id"] == result["response"]["headers"]["x-request-id"]
    assert set(run["analysis"]) == ANALYSIS_MEMBERS
    assert (await client.get(f"/api/scenarios/runs/{run['run_id']}")).json() == {"run": run}
    junit = await client.get(f"/api/scenarios/runs/{run['run_id']}/junit")
    assert fromstring(junit.text).attrib["tests"] == "1"


@pytest.mark.parametrize(("given", "seed"), [(5, 5), ("-5", -5), (5.9, 5), ("5.9", 5)])
async def test_a_seed_may_be_a_text_or_a_fraction(
    client: httpx.AsyncClient, given: object, seed: int
) -> None:
    assert (await ran(client, await created(client, step()), seed=given))["seed"] == seed


async def test_runs_are_listed_newest_first_and_pruned() -> None:
    limits = ScenarioLimits(runs=3)
    options = WorkbenchOptions(settings=BenchSettings(scenarios=limits))
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            id = await created(client, step())
            ids = [(await ran(client, id))["run_id"] for _ in range(5)]
            listed = (await client.get(f"/api/scenarios/{id}/runs")).json()["runs"]
            assert [run["run_id"] for run in listed] == ids[:1:-1]  # W27
            two = await client.get(f"/api/scenarios/{id}/runs?limit=2")
            assert len(two.json()["runs"]) == 2
            assert len((await client.get(f"/api/scenarios/{id}/runs?limit=-1")).json()["runs"]) == 1
            assert (await client.get("/api/scenarios/none/runs")).json() == {"runs": []}


async def test_scenarios_and_reports_survive_a_restart(tmp_path: Path) -> None:
    options = WorkbenchOptions(state=tmp_path / "state.sqlite3")
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            id = await created(client, step(), {"parallel": [step()]})
            run = await ran(client, id)
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            assert (await client.get(f"/api/scenarios/{id}/runs")).json()["runs"] == [run]
            assert (await ran(client, id))["status"] == "pass"


async def test_a_scenario_does_not_run_within_a_run(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    again = step(method="POST", path="/api/scenarios/itself/run")
    await created(client, again, id="itself")
    (result,) = (await ran(client, "itself"))["step_results"]
    assert result["response"]["status"] == 508  # W7

    target = {"id": "us", "name": "us", "base_url": workbench.url}
    assert (await client.post("/api/targets", json=target)).status_code == 201
    await created(client, {**again, "target_id": "us"}, id="around", name="around")
    through = step(method="POST", path="/api/scenarios/around/run", target_id="us")
    await client.put("/api/scenarios/around", json={"name": "around", "steps": [through]})
    (result,) = (await ran(client, "around"))["step_results"]
    assert result["response"]["status"] == 508


async def test_an_unknown_target_is_404_in_the_step(client: httpx.AsyncClient) -> None:
    (result,) = (await ran(client, await created(client, step(target_id="no"))))["step_results"]
    assert result["response"]["status"] == 404
    assert "target_not_found" in result["response"]["body"]


async def test_a_local_step_needs_its_own_rights() -> None:
    async with open_workbench(port=0, options=WorkbenchOptions(demo_token="t0k")) as workbench:
        token = {"Authorization": "Bearer t0k"}
        async with httpx.AsyncClient(base_url=workbench.url, headers=token) as client:
            steps = (step(path="/api/mocks"), step(path="/api/mocks", headers=token))
            id = await created(client, *steps, defaults={"stop_on_fail": False})
            run = await ran(client, id)
            assert [r["response"]["status"] for r in run["step_results"]] == [401, 200]
            assert "t0k" not in str(run)


async def test_streams_and_files_have_their_bodies(client: httpx.AsyncClient) -> None:
    steps = (
        step(path="/stream", expect={"body_contains": ["chunk-one", "chunk-three"]}),
        step(path="/static/test.html?x=1", expect={"body_contains": ["<html"]}),
        step(path="/_metrics?x=1", expect={"json": {"engine": "trio"}}),
    )
    run = await ran(client, await created(client, *steps))
    assert run["status"] == "pass", run["analysis"]  # W33


async def test_a_step_sees_failure_modes_of_mocks_and_incidents(
    client: httpx.AsyncClient,
) -> None:
    mock = {"method": "POST", "path_pattern": "/broken", "fail": "frame-cl-short-fin"}
    assert (await client.post("/api/mocks", json=mock)).status_code == 201
    id = await created(client, step(method="POST", path="/broken?a=b", body="x"))
    (result,) = (await ran(client, id))["step_results"]
    assert (result["response"]["status"], result["response"]["loss"]) == (502, "incomplete")

    incident = {"mode": "status?status=429", "probability": 1}
    assert (await client.post("/api/incidents/start", json=incident)).status_code == 200
    (result,) = (await ran(client, await created(client, step(), name="b")))["step_results"]
    assert result["response"]["status"] == 429


async def test_a_slow_scenario_delays_nobody_else(client: httpx.AsyncClient) -> None:
    id = await created(client, step(delay_ms=50_000))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ran, client, id)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert (await client.get("/")).text == "Hello World"  # W8
        nursery.cancel_scope.cancel()


async def test_too_many_runs_at_once_are_503() -> None:
    limits = ScenarioLimits(at_once=1)
    options = WorkbenchOptions(settings=BenchSettings(scenarios=limits))
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            id = await created(client, step(delay_ms=50_000))
            events = workbench.events("scenario.step.started", since_id=0)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ran, client, id)
                await anext(events)
                refused = await client.post(f"/api/scenarios/{id}/run")
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
                nursery.cancel_scope.cancel()
            await events.aclose()


async def test_a_run_is_published_and_counted(
    workbench: Workbench, client: httpx.AsyncClient
) -> None:
    id = await created(client, step(id="home"), step(id="bad", expect={"status": 404}))
    run = await ran(client, id)
    page = (await client.get("/api/events/snapshot?since_id=0")).json()["events"]
    told = [event for event in page if event["type"].startswith("scenario.")]
    assert [event["type"].removeprefix("scenario.") for event in told] == [
        "run.started", "step.started", "step.completed", "step.started", "step.completed", "run.completed",
    ]  # fmt: skip
    assert told[2]["trace_id"] == run["step_results"][0]["trace_id"]
    assert told[4]["payload"]["failure_reason"] == "status expected [404] got 200"
    assert told[-1]["payload"]["run_id"] == run["run_id"]
    metrics = (await client.get("/_metrics")).json()
    assert {name: value for name, value in metrics.items() if name.startswith("scenario_")} == {
        "scenario_runs_total": 1,
        "scenario_runs_passed": 0,
        "scenario_runs_failed": 1,
        "scenario_steps_total": 2,
        "scenario_assertions_failed_total": 1,
        "scenario_last_run_duration_ms": run["summary"]["duration_ms"],
    }


async def test_internal_steps_leave_no_history(client: httpx.AsyncClient) -> None:
    await ran(client, await created(client, step(path="/stream")))
    history = (await client.get("/api/history")).json()["history"]
    assert "/stream" not in [record["path"] for record in history]


async def test_a_workbench_without_scenarios_has_no_such_routes() -> None:
    async with open_workbench(port=0, options=WorkbenchOptions(scenarios=False)) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            assert (await client.get("/api/scenarios")).status_code == 404
            paths = (await client.get("/openapi.json")).json()["paths"]
            assert not any(path.startswith("/api/scenarios") for path in paths)


async def test_twenty_runs_at_once_give_the_same_verdicts(client: httpx.AsyncClient) -> None:
    chaos = {"enabled": True, "mode": "status_flip", "probability": 0.5}
    broken = {"enabled": True, "mode": "frame-cl-short-fin", "probability": 0.5}
    id = await created(
        client,
        *(step(chaos=chaos) for _ in range(10)),
        *(step(chaos=broken, path="/?a=b") for _ in range(4)),
        defaults={"stop_on_fail": False},
    )

    def verdicts(run: dict[str, Any]) -> object:
        return [
            (r["status"], r["chaos_applied"], r["response"]["body"], r["response"]["status"])
            for r in run["step_results"]
        ]

    alone = verdicts(await ran(client, id, seed=11))
    beside: list[object] = []

    async def run() -> None:
        beside.append(verdicts(await ran(client, id, seed=11)))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(run)
    assert beside == [alone] * 20


async def test_a_state_file_of_any_shape_lets_the_workbench_start(tmp_path: Path) -> None:
    good, bad = scenario(step(), id="good"), scenario(step(method="BREW"), id="bad", name="Bad")
    async with open_workbench(port=0) as workbench:
        report = msgspec.to_builtins(await workbench.run_scenario(good))
    broken: list[object] = [{"run_id": "r", "scenario_id": 5}, {**report, "summary": None}, 7]
    state = {
        "version": 1,
        "scenarios": [good, bad, 5],
        "runs": [*broken, {**report, "run_id": "x"}],
    }
    file = tmp_path / "scenarios.json"
    file.write_text(json.dumps(state))
    async with open_workbench(port=0, options=WorkbenchOptions(imports=(file,))) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            (kept,) = (await client.get("/api/scenarios")).json()["scenarios"]
            (run,) = (await client.get("/api/scenarios/good/runs")).json()["runs"]
            assert (kept["id"], run["run_id"]) == ("good", "x")  # W29
