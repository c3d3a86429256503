"""The workbench from Python: on a trio loop, for any thread, and as a fixture."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import hamms_trio
from hamms_trio.workbench.routing.problems import Problem
from tests.inner import run_inner


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        octets: bytes = answer.read()
        return octets


def test_a_plain_test_defines_a_mock_and_verifies_requests() -> None:
    with hamms_trio.HammsServer(beginning_port=0, only="status", workbench=True) as hamms:
        workbench = hamms.workbench
        mock = workbench.mock("/users/{id}", body="{{path.id}}", content_type="text/plain")

        assert get(workbench.url("/users/7")) == b"7"
        assert workbench.verify("GET", "/users/7", times=1).count == 1
        with pytest.raises(hamms_trio.VerificationFailed, match="nearest is GET /users/7"):
            workbench.verify("GET", "/users/8")
        with pytest.raises(Problem, match="method/path already exists"):
            workbench.mock("/users/{id}")
        workbench.delete_mock(str(mock["id"]))
        assert [record["path"] for record in workbench.history()] == ["/users/7"]
        workbench.start_afresh()
        assert workbench.history() == []


async def test_events_are_iterated_as_they_happen() -> None:
    async with hamms_trio.open_workbench(port=0) as workbench:
        events = workbench.events("system.health", since_id=0)
        assert (await anext(events))["id"] == 1
        await events.aclose()


JOURNEY: dict[str, object] = {
    "name": "Journey",
    "variables": {"path": "/"},
    "steps": [{"id": "home", "method": "GET", "path": "{{path}}", "tags": ["smoke"]}],
}


async def test_a_scenario_runs_from_a_document_a_file_or_an_id(tmp_path: Path) -> None:
    file = tmp_path / "journey.json"
    file.write_text(json.dumps(JOURNEY))
    async with hamms_trio.open_workbench(port=0) as workbench:
        stored, _ = await workbench.bench.scenarios.create(JOURNEY)
        forms: list[Any] = [JOURNEY, file, str(file), stored.id]
        for given in forms:
            report = await workbench.run_scenario(given, seed=3)
            assert (report.passed, report.seed) == (True, 3)
        report = await workbench.run_scenario(JOURNEY, variables={"path": "/nope"})
        assert "Step home failed: status expected [200] got 404" in str(report)
        assert (await workbench.run_scenario(JOURNEY, tags=["other"])).step_results == []
        with pytest.raises(Problem, match="has no variable"):
            await workbench.run_scenario(JOURNEY, variables={"pth": "/"})
        with pytest.raises(FileNotFoundError):
            await workbench.run_scenario("nothing.json")


def test_a_plain_test_runs_a_scenario_and_starts_afresh() -> None:
    with hamms_trio.HammsServer(beginning_port=0, only="status", workbench=True) as hamms:
        workbench = hamms.workbench
        assert workbench.run_scenario(JOURNEY).passed
        broken = {"enabled": True, "mode": "tcp-refused", "probability": 1}
        report = workbench.run_scenario(
            {"name": "x", "steps": [{"method": "GET", "path": "/", "chaos": broken}]}
        )
        assert report.step_results[0].response.loss == "refused"
        workbench.start_afresh()
        assert workbench.history() == []


def test_the_fixture_is_empty_in_each_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import urllib.request

        def test_one(workbench):
            workbench.mock("/a", body="hi")
            assert urllib.request.urlopen(workbench.url("/a")).read() == b"hi"
            workbench.verify("GET", "/a", times=1)

        def test_two(workbench):
            assert workbench.history() == []
            workbench.mock("/a")
        """
    )
    run_inner(pytester).assert_outcomes(passed=2)


def test_targets_and_incidents_have_blocking_twins() -> None:
    with hamms_trio.HammsServer(beginning_port=0, only="status", workbench=True) as hamms:
        workbench = hamms.workbench
        with workbench.target("Lab", hamms.url("status").rstrip("/")) as target:
            assert get(target.url("/?status=200"))
            with workbench.incident(probability=1, ttl=60) as incident:
                with pytest.raises(urllib.error.HTTPError, match="503"):
                    get(target.url())
                assert incident.is_active
                assert (incident.affected, incident.state()["mode"]) == (1, "status_spike_503")
            assert not incident.is_active
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(target.url())
        with pytest.raises(Problem, match="mode must be"):
            workbench.incident("earthquake")


async def test_a_fresh_start_ends_the_incident_and_deletes_the_targets() -> None:
    async with hamms_trio.open_workbench(port=0) as workbench:
        await workbench.target("one", "http://127.0.0.1:1")
        incident = workbench.incident("body_drop")
        await workbench.start_afresh()
        assert not incident.is_active
        assert workbench.bench.targets.documents() == []
        async with await workbench.target("one", "http://127.0.0.1:1") as target:
            assert target.url("x").endswith(f"/proxy/{target.id}/x")
        assert workbench.bench.targets.documents() == []
