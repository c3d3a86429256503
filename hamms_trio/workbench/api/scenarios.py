"""/api/scenarios: scenarios, their runs, and the reports of the runs."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from hamms_trio.http import Response
from hamms_trio.http.routes.response import JSON
from hamms_trio.workbench.api.mocks import DELETED
from hamms_trio.workbench.api.operations import ApiCall, Operation, Query, success
from hamms_trio.workbench.routing.documents import Document, convert, show
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.scenarios import Report, document_of, junit_xml, read_seed
from hamms_trio.workbench.scenarios.document.drafts import GroupDraft, ScenarioDraft, StepDraft
from hamms_trio.workbench.scenarios.recursion import RUN_MARK

XML = "application/xml"
RUNS = 20  # reports in a list, unless the caller says how many

_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")
_SCENARIO = {"type": "object", "required": ["id", "name", "steps", "defaults"]}
_RUN = {"$ref": "#/components/schemas/Report"}
_RUN_MESSAGES = {"seed": "seed must be integer"}


class RunDraft(msgspec.Struct):
    """The document that starts a run.

    Attributes:
        seed: an integer; a text or a fraction is cut to one.
        variables: values that override the scenario's.
        tags: only steps with one of these tags run; all steps if there are none.
    """

    seed: int | float | str = 0
    variables: dict[str, object] = {}
    tags: Annotated[list[str], Meta(max_length=20)] = []


async def list_scenarios(call: ApiCall) -> Response:
    tag = call.request.query.get("tag") or None
    return success({"scenarios": call.bench.scenarios.documents(tag)})


async def create_scenario(call: ApiCall) -> Response:
    scenario, dropped = await call.bench.scenarios.create(await call.document())
    return success(_with_dropped(document_of(scenario), dropped), 201)


async def get_scenario(call: ApiCall) -> Response:
    return success({"scenario": document_of(call.bench.scenarios.get(call.parameter("id")))})


async def replace_scenario(call: ApiCall) -> Response:
    replaced = call.bench.scenarios.replace(call.parameter("id"), await call.document())
    scenario, dropped = await replaced
    return success(_with_dropped(document_of(scenario), dropped))


async def delete_scenario(call: ApiCall) -> Response:
    bench, id = call.bench, call.parameter("id")
    await bench.scenarios.delete(id)
    await bench.reports.drop(id)
    return success({"deleted": True, "id": id})


async def run_scenario(call: ApiCall) -> Response:
    bench = call.bench
    given = await call.document()
    scenario = bench.scenarios.get(call.parameter("id"))
    seed = read_seed(given["seed"]) if "seed" in given else None
    order = convert(given, RunDraft, "invalid_run", _RUN_MESSAGES)
    report = await bench.runner.run(
        scenario,
        seed=seed,
        variables=order.variables,
        tags=order.tags,
        mark=call.request.get(RUN_MARK[0]),
    )
    call.notes |= {
        "scenario_id": scenario.id,
        "run_id": report.run_id,
        "scenario_seed": report.seed,
    }
    octets = await bench.reports.keep(report)
    fields = (
        ("X-Scenario-Run-ID", report.run_id),
        ("X-Scenario-Seed", str(report.seed)),
        ("X-Scenario-ID", scenario.id),
        ("X-Scenario-Status", report.status),
    )
    return Response(200, b'{"run": %b}' % octets, (("Content-Type", JSON), *fields))


async def list_runs(call: ApiCall) -> Response:
    limit = _limit(call.request.query.get("limit"))
    found = call.bench.reports.newest(call.parameter("id"), limit)
    return _json(b'{"runs": [%b]}' % b", ".join(found))


async def get_run(call: ApiCall) -> Response:
    return _json(b'{"run": %b}' % call.bench.reports.get(call.parameter("run_id")))


async def get_run_as_junit(call: ApiCall) -> Response:
    octets = call.bench.reports.get(call.parameter("run_id"))
    report = msgspec.json.decode(octets, type=Report)
    return Response(200, junit_xml(report), (("Content-Type", XML),))


def _json(octets: bytes) -> Response:
    return Response(200, octets, (("Content-Type", JSON),))


def _with_dropped(scenario: Document, dropped: list[str]) -> Document:
    """Return the answer; ``dropped`` names the members that no scenario has."""
    return {"scenario": scenario, **({"dropped": dropped} if dropped else {})}


def _limit(text: str | None) -> int:
    if text is None:
        return RUNS
    if not _INTEGER.fullmatch(text):
        raise Problem(400, "invalid_limit", f"limit must be integer, and limit is {show(text)}")
    return max(1, int(text))


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/scenarios",
        handler=list_scenarios,
        summary="List the scenarios in the order of creation.",
        query=(Query(name="tag", description="Only scenarios with this tag."),),
        answer={
            "type": "object",
            "required": ["scenarios"],
            "properties": {"scenarios": {"type": "array", "items": _SCENARIO}},
        },
    ),
    Operation(
        method="POST",
        path="/api/scenarios",
        handler=create_scenario,
        summary="Create a scenario.",
        status=201,
        body=ScenarioDraft,
        models=(StepDraft, GroupDraft),
        answer={"type": "object", "required": ["scenario"], "properties": {"scenario": _SCENARIO}},
        statuses=(409,),
    ),
    Operation(
        method="GET",
        path="/api/scenarios/{id}",
        handler=get_scenario,
        summary="Show a scenario.",
        answer={"type": "object", "required": ["scenario"], "properties": {"scenario": _SCENARIO}},
        statuses=(404,),
    ),
    Operation(
        method="PUT",
        path="/api/scenarios/{id}",
        handler=replace_scenario,
        summary="Replace a scenario.",
        body=ScenarioDraft,
        models=(StepDraft, GroupDraft),
        answer={"type": "object", "required": ["scenario"], "properties": {"scenario": _SCENARIO}},
        statuses=(404, 409),
    ),
    Operation(
        method="DELETE",
        path="/api/scenarios/{id}",
        handler=delete_scenario,
        summary="Delete a scenario and the reports of its runs.",
        answer=DELETED,
        statuses=(404,),
    ),
    Operation(
        method="POST",
        path="/api/scenarios/{id}/run",
        handler=run_scenario,
        summary="Run a scenario, and answer with the report.",
        body=RunDraft,
        models=(Report,),
        answer={"type": "object", "required": ["run"], "properties": {"run": _RUN}},
        statuses=(404, 508),
    ),
    Operation(
        method="GET",
        path="/api/scenarios/{id}/runs",
        handler=list_runs,
        summary="List the reports of a scenario, the newest first.",
        query=(
            Query(
                name="limit",
                description="The most reports; numbers below 1 count as 1.",
                schema={"type": "integer", "default": RUNS},
            ),
        ),
        models=(Report,),
        answer={
            "type": "object",
            "required": ["runs"],
            "properties": {"runs": {"type": "array", "items": _RUN}},
        },
        statuses=(400,),
    ),
    Operation(
        method="GET",
        path="/api/scenarios/runs/{run_id}",
        handler=get_run,
        summary="Show the report of a run.",
        models=(Report,),
        answer={"type": "object", "required": ["run"], "properties": {"run": _RUN}},
        statuses=(404,),
    ),
    Operation(
        method="GET",
        path="/api/scenarios/runs/{run_id}/junit",
        handler=get_run_as_junit,
        summary="Show the report of a run as JUnit's XML.",
        answer={"type": "string"},
        media_type=XML,
        statuses=(404,),
    ),
)
