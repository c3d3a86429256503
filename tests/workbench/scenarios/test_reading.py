"""Scenarios as documents: what is taken, what is refused, and in which words."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from hamms_trio.lab.doors import Doors
from hamms_trio.modes import known_modes
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.scenarios import ScenarioLimits, document_of, read_scenario
from hamms_trio.workbench.scenarios.reach.modes import step_door
from tests.workbench.scenarios.worlds import scenario, step

CHECK = partial(step_door, Doors(known_modes()))
LIMITS = ScenarioLimits(steps=3, assertions=4)


def read(document: dict[str, Any]) -> Any:
    return read_scenario(document, limits=LIMITS, check_fail=CHECK)


def test_a_short_document_gets_the_defaults_of_the_reference() -> None:
    given = {"id": "sc1", "name": " User flow ", "steps": [{"method": "post", "path": " /a?x=1 "}]}
    assert document_of(read(given).scenario) == {
        "id": "sc1", "name": "User flow", "description": "", "created_at": "", "updated_at": "",
        "defaults": {"stop_on_fail": True},
        "steps": [{
            "id": "step-1", "name": "Step 1", "method": "POST", "path": "/a?x=1", "target_id": "local",
            "headers": {}, "body": "", "delay_ms": 0,
            "chaos": {"enabled": False, "mode": "none", "probability": 0.0, "seed_offset": 0},
            "expect": {"status": [200], "body_contains": [], "header_equals": {}, "max_latency_ms": None},
        }],
    }  # fmt: skip


def test_a_document_that_was_read_reads_as_the_same_again() -> None:
    given = scenario(
        step(extract={"a": {"from": "json", "path": "x"}}, tags=["smoke"]),
        {"parallel": [step(expect={"json": {"a.b": "{{a}}"}}), step(retry={"attempts": 3})]},
        variables={"b": 1},
        tags=["t"],
    )
    once = document_of(read(given).scenario)
    assert document_of(read(once).scenario) == once
    assert "parallel" in once["steps"][1]  # type: ignore[index] # a list of objects


def test_a_body_that_is_json_is_sent_as_json() -> None:
    (sent,) = read(scenario(step(body={"a": [1, True]}))).scenario.flat
    assert (sent.body, sent.headers) == (
        '{"a": [1, true]}',
        {"Content-Type": "application/json"},
    )  # W35


def test_unknown_members_are_dropped_and_named() -> None:
    reading = read(scenario(step(exepct={}, chaos={"mod": "none"}), colour="blue"))
    assert reading.dropped == ["colour", "step 1: exepct", "step 1: chaos.mod"]


REFUSED = [
    ({"name": " "}, 400, "scenario name is required"),
    ({"name": None}, 400, "scenario name is required"),
    ({"steps": {}}, 400, "steps must be a list"),
    ({"steps": []}, 400, "scenario must contain at least one step"),
    ({"defaults": []}, 400, "defaults must be an object"),
    ({"id": "runs"}, 400, "id must be"),
    ({"id": "a b"}, 400, "id must be"),
    ({"steps": [5]}, 400, "step 1 must be an object"),
    ({"steps": [step()] * 4}, 413, "scenario has too many steps"),
    ({"steps": [{"parallel": [step()] * 4}]}, 413, "scenario has too many steps"),
    ({"steps": [{"parallel": []}]}, 400, "step 1: parallel must be a list of at least one step"),
    ({"steps": [{"parallel": [{"parallel": [step()]}]}]}, 400, "can't have parallel steps"),
    ({"steps": [step(), step(path="{{nope}}")], "variables": {"a": 1}}, 400, "variable nope"),
    ({"variables": {"body": 1}}, 400, "not a valid name of a variable"),
]  # fmt: skip
REFUSED_STEPS = [
    ({"method": "BREW"}, "step 1: invalid method"),
    ({"path": "a"}, "step 1: path must start with /"),
    ({"headers": []}, "step 1: headers must be an object"),
    ({"headers": {"a b": "c"}}, "step 1: a header's name must be a token"),
    ({"delay_ms": -1}, "step 1: delay_ms must be >= 0"),
    ({"delay_ms": 50_001}, "step 1: delay_ms must be >= 0, and at most 50000"),
    ({"chaos": 5}, "step 1: chaos must be an object"),
    ({"chaos": {"mode": "nope"}}, "step 1: invalid chaos mode"),
    ({"chaos": {"mode": "status?status=x"}}, "step 1: invalid chaos mode"),
    ({"chaos": {"probability": 1.1}}, "step 1: probability must be between 0 and 1"),
    ({"expect": 5}, "step 1: expect must be an object"),
    ({"expect": {"status": []}}, "step 1: status list cannot be empty"),
    ({"expect": {"body_contains": "a"}}, "step 1: body_contains must be a list"),
    ({"expect": {"header_equals": []}}, "step 1: header_equals must be an object"),
    ({"expect": {"max_latency_ms": "5"}}, "step 1: unable to create scenario"),
    ({"extract": {"a": {"from": "cookie"}}}, "from must be json, header or status"),
    ({"extract": {"a": {"from": "header", "path": ""}}}, "path must be the name of a field"),
    ({"extract": {"a": {"path": "["}}}, "is not an expression of JMESPath"),
    ({"expect": {"json": {"!" * 500: 1}}}, "nests too deep"),
    ({"expect": {"json": {"a" * 513: 1}}}, "more than 512 characters"),
    ({"expect": {"json": {"[@,@][]|" * 40 + "@": 1}}}, "repeats a value more than"),
    ({"retry": {"attempts": 0}}, "attempts must be between 1 and 20"),
]


@pytest.mark.parametrize(("members", "status", "words"), REFUSED)
def test_a_scenario_that_breaks_a_rule_is_refused_in_these_words(
    members: dict[str, Any], status: int, words: str
) -> None:
    with pytest.raises(Problem) as refused:
        read({**scenario(step()), **members})
    assert refused.value.status == status
    assert words in refused.value.message


@pytest.mark.parametrize(("members", "words"), REFUSED_STEPS)
def test_a_step_that_breaks_a_rule_is_refused_in_these_words(
    members: dict[str, Any], words: str
) -> None:
    with pytest.raises(Problem) as refused:
        read(scenario(step(**members)))
    assert (refused.value.status, refused.value.code) == (400, "invalid_scenario")
    assert words in refused.value.message


def test_more_assertions_than_are_allowed_are_too_large() -> None:
    taken = {"body_contains": ["a", "b"], "max_latency_ms": 1}
    read(scenario(step(expect=taken)))
    with pytest.raises(Problem, match="step 1: too many assertions") as refused:
        read(scenario(step(expect={**taken, "header_equals": {"a": "b"}})))
    assert (refused.value.status, refused.value.code) == (413, "scenario_too_large")
