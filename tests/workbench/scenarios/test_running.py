"""Runs: order, chaos, assertions, variables, retries and limits, in virtual time and without sockets."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from hamms_trio.workbench.scenarios import Report, ScenarioLimits
from hamms_trio.workbench.scenarios.steps.sending import Loss, ResponseLost, StepAnswer, StepRequest
from tests.workbench.scenarios.worlds import World, hello, ran, scenario, step

JSON = (("Content-Type", "application/json"),)


def chaos(mode: str = "status_flip", probability: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"enabled": True, "mode": mode, "probability": probability, **more}


def reasons(report: Report) -> list[str | None]:
    return [result.failure_reason for result in report.step_results]


def answering(content: object, status: int = 200) -> World:
    return sending(json.dumps(content).encode(), status)


def sending(octets: bytes, status: int = 200) -> World:
    return World(lambda _: StepAnswer(status, JSON, octets))


ASSERTIONS = [
    ({"status": [201, 404]}, "status expected [201, 404] got 200"),
    ({"body_contains": ["Hello", "X"]}, "body missing token: X"),
    ({"header_equals": {"Content-Type": "a"}}, "header content-type expected a got text/plain"),
    ({"header_equals": {"X-No": "a"}}, "header x-no expected a got None"),
    ({"json": {"a": 1}}, "json a expected 1 got null"),
    ({"status": 200, "body_contains": ["World"], "header_equals": {"content-TYPE": "text/plain"}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("expect", "reason"), ASSERTIONS)
async def test_an_assertion_fails_in_the_words_of_the_reference(
    expect: dict[str, Any], reason: str | None
) -> None:
    report = await ran(scenario(step(expect=expect)))
    assert reasons(report) == [reason]
    assert report.passed is (reason is None)


async def test_a_latency_above_the_limit_fails() -> None:
    report = await ran(scenario(step(expect={"max_latency_ms": 0})))
    assert str(reasons(report)[0]).endswith("exceeded 0.0ms")


async def test_json_assertions_compare_values_and_not_texts() -> None:
    world = answering({"user": {"id": 7, "ok": True, "tags": ["a"]}})
    passing = {"user.id": 7, "user.tags": ["a"], "length(user.tags)": 1, "user.ok": True}
    failing = {"user.ok": 1}
    report = await ran(
        scenario(step(expect={"json": passing}), step(expect={"json": failing})), world
    )
    assert reasons(report) == [None, "json user.ok expected 1 got true"]


async def test_chaos_is_drawn_by_the_place_of_a_step() -> None:
    steps = [step(chaos=chaos(probability=0.5, seed_offset=number % 3)) for number in range(40)]
    report = await ran(scenario(*steps, defaults={"stop_on_fail": False}), seed=1337)
    drawn = [Random(1337 + number % 3 + number).random() <= 0.5 for number in range(40)]
    assert [result.chaos_applied for result in report.step_results] == drawn
    assert [result.passed for result in report.step_results] == [not hit for hit in drawn]


@pytest.mark.parametrize(
    ("mode", "status", "body"),
    [
        ("none", 200, "Hello World"),
        ("status_flip", 503, "Hello World"),
        ("drop_body", 200, ""),
        ("fixed_error", 500, "chaos injected error"),
        ("frame-cl-short-fin?x=1", 599, "frame-cl-short-fin?x=1 5"),
    ],
)
async def test_each_mode_of_chaos_changes_the_observed_answer(
    mode: str, status: int, body: str
) -> None:
    report = await ran(scenario(step(chaos=chaos(mode))), seed=5)
    (result,) = report.step_results
    assert (result.chaos_applied, result.response.status, result.response.body) == (
        True,
        status,
        body,
    )


async def test_a_flip_turns_a_server_error_into_a_success() -> None:
    report = await ran(scenario(step(chaos=chaos())), answering({}, 500))
    assert report.step_results[0].response.status == 200


async def test_a_failure_stops_the_run_unless_it_should_go_on() -> None:
    failing = (step(expect={"status": 404}), step())
    assert len((await ran(scenario(*failing))).step_results) == 1
    goes_on = scenario(*failing, defaults={"stop_on_fail": False})
    assert [r.status for r in (await ran(goes_on)).step_results] == ["fail", "pass"]


async def test_variables_are_extracted_and_filled_in() -> None:
    def answer(request: StepRequest) -> StepAnswer:
        content = {"user": {"id": "a/b", "age": 7}}
        return StepAnswer(201, (("Location", "/u/1"), *JSON), json.dumps(content).encode())

    world = World(answer)
    first = step(
        expect={"status": 201},
        extract={
            "id": {"from": "json", "path": "user.id"},
            "age": {"path": "user.age"},
            "where": {"from": "header", "path": "location"},
            "code": {"from": "status"},
        },
    )
    second = step(
        method="POST",
        path="/users/{{id}}?q={{ name }}&mock={{path.id}}",
        headers={"X-Id": "{{code}}"},
        body='{"id": "{{id}}", "age": {{age}}, "quote": "{{name}}", "mock": "{{body}}"}',
        expect={"status": 201, "json": {"user.age": "{{age}}"}, "body_contains": ["{{id}}"]},
    )
    third = step(path="{{where}}", expect={"status": 201})
    report = await ran(scenario(first, second, third, variables={"name": 'Ö"'}), world)

    assert report.passed, reasons(report)
    _, sent, followed = world.requests
    assert sent.target == "/users/a%2Fb?q=%C3%96%22&mock={{path.id}}"
    assert dict(sent.fields)["x-id"] == "201"
    assert json.loads(sent.body) == {"id": "a/b", "age": 7, "quote": 'Ö"', "mock": "{{body}}"}
    assert followed.target == "/u/1"


async def test_values_of_the_run_replace_those_of_the_scenario() -> None:
    world = World()
    await ran(scenario(step(path="/{{a}}"), variables={"a": "x"}), world, variables={"a": "y"})
    assert world.requests[0].target == "/y"


async def test_a_variable_that_was_not_found_fails_the_step() -> None:
    finding = step(extract={"id": {"path": "user.id"}})
    report = await ran(
        scenario(finding, step(path="/{{id}}"), defaults={"stop_on_fail": False}), World()
    )
    assert reasons(report) == [
        "extract id: json user.id found nothing",
        "variable id has no value: no step before this one has extracted it",
    ]


async def test_the_length_of_a_rendered_text_is_limited() -> None:
    places = "{{a}}" * 100
    report = await ran(scenario(step(body=places), variables={"a": "x" * 60_000}))
    assert "more than 524288 characters" in str(reasons(report)[0])


async def test_retries_wait_longer_each_time(autojump_clock: trio.testing.MockClock) -> None:
    moments: list[float] = []

    def answer(_request: StepRequest) -> StepAnswer:
        moments.append(trio.current_time())
        return StepAnswer(200 if len(moments) == 4 else 503)

    begun = trio.current_time()
    retry = {"attempts": 5, "delay_ms": 100, "factor": 2}
    report = await ran(scenario(step(retry=retry)), World(answer))
    assert [round(moment - begun, 3) for moment in moments] == [0, 0.1, 0.3, 0.7]
    assert (report.status, report.step_results[0].attempts) == ("pass", 4)


async def test_each_attempt_draws_the_next_number_of_the_same_generator() -> None:
    drawn = Random(99)
    expected = next(number for number in range(20) if drawn.random() > 0.7)
    flaky = step(chaos=chaos(probability=0.7), retry={"attempts": 20})
    report = await ran(scenario(flaky), seed=99)
    assert report.step_results[0].attempts == expected + 1


async def test_parallel_steps_run_together_and_report_in_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    begun = trio.current_time()
    together = {"parallel": [step(id=f"p{number}", delay_ms=1_000) for number in range(10)]}
    report = await ran(scenario(step(id="a"), together, step(id="z")))
    assert trio.current_time() - begun == pytest.approx(1.0)
    assert [r.step_id for r in report.step_results] == ["a", *(f"p{n}" for n in range(10)), "z"]


async def test_only_steps_with_a_wanted_tag_run_with_their_own_chaos() -> None:
    half = chaos(probability=0.5)
    steps = [step(id=str(n), tags=["odd"] * (n % 2), chaos=half) for n in range(9)]
    document = scenario(*steps, defaults={"stop_on_fail": False})
    whole = await ran(document, seed=3)
    part = await ran(document, seed=3, tags=("odd",))
    struck = {result.step_id: result.chaos_applied for result in whole.step_results}
    assert {r.step_id: r.chaos_applied for r in part.step_results} == {
        id: hit for id, hit in struck.items() if int(id) % 2
    }


def lose(_request: StepRequest) -> StepAnswer:
    raise ResponseLost(Loss.RESET)


async def test_a_lost_response_is_502_with_the_name_of_the_loss() -> None:
    (result,) = (await ran(scenario(step()), World(lose))).step_results
    assert (result.response.status, result.response.loss) == (502, "reset")
    assert result.response.body == "target dispatch error: reset: the connection was reset"


async def test_a_silent_server_costs_a_step_its_own_time_only(
    autojump_clock: trio.testing.MockClock,
) -> None:
    begun = trio.current_time()
    silent = World(seconds=1_000_000)
    (result,) = (await ran(scenario(step(timeout_ms=2_000)), silent)).step_results
    assert result.response.loss == "timeout"
    assert trio.current_time() - begun == pytest.approx(2.0)


async def test_a_run_ends_within_its_time_whatever_its_delays(
    autojump_clock: trio.testing.MockClock,
) -> None:
    begun = trio.current_time()
    slow = scenario(*[step(delay_ms=4_000)] * 9, defaults={"stop_on_fail": False})
    report = await ran(slow, limits=ScenarioLimits(seconds=10))
    assert reasons(report) == [None, None, "the run took longer than 10 s"]
    assert trio.current_time() - begun == pytest.approx(10.0)


async def test_a_report_shows_no_credentials_and_keeps_binary_and_query() -> None:
    def answer(_request: StepRequest) -> StepAnswer:
        return StepAnswer(200, (("Set-Cookie", "s3cret"),), b"\xff\x00")

    asked = step(
        path="/a?x=1&token=s3cret",
        method="POST",
        headers={"Authorization": "Bearer s3cret", "Content-Type": "application/json"},
        body='{"password": "s3cret", "name": "Ada"}',
        expect={"body_contains": []},
    )
    report = await ran(scenario(asked), World(answer))
    assert "s3cret" not in msgspec.json.encode(report).decode()
    (result,) = report.step_results
    assert result.request.path.startswith("/a?x=1")  # W33
    assert (result.response.body, result.response.body_encoding) == ("/wA=", "base64")


@pytest.mark.parametrize("octets", [4_096, 65_536])
async def test_a_secret_that_is_cut_in_two_is_not_shown(octets: int) -> None:
    before = '{"password": "s3'
    for padding in (octets - len(before), octets - len(before) - 1):
        body = (" " * padding + before + '\\u0063ret"}').encode()
        report = await ran(scenario(step(expect={"body_contains": ["{"]})), sending(body))
        assert "s3" not in msgspec.json.encode(report).decode()


async def test_the_analysis_scores_and_names_the_cause() -> None:
    passed = await ran(scenario(step(id="home")))
    assert passed.analysis.reliability_score == 100
    assert passed.analysis.root_cause_summary == "No assertion failures detected."
    assert passed.analysis.latency_bottleneck_route == "GET /"

    failed = await ran(scenario(step(id="bad", path="/x?y", expect={"status": 404})))
    assert failed.analysis.reliability_score == 70
    assert failed.analysis.root_cause_summary == ("Step bad failed: status expected [404] got 200")


def without_times_and_ids(report: Report) -> object:
    document: Any = msgspec.to_builtins(report)
    for name in ("run_id", "started_at", "finished_at", "analysis"):
        del document[name]
    del document["summary"]["duration_ms"]
    for result in document["step_results"]:
        del result["trace_id"], result["latency_ms"]
    return document


async def test_a_seed_gives_the_same_report_whatever_runs_beside_it() -> None:
    steps = [
        step(chaos=chaos(mode, 0.5), retry={"attempts": 2}, expect={"status": [200, 599]})
        for mode in ("drop_body", "fixed_error", "frame-cl-short-fin") * 5
    ]
    document = scenario({"parallel": steps[:4]}, *steps[4:], defaults={"stop_on_fail": False})
    alone = without_times_and_ids(await ran(document, World(hello), seed=7))
    beside: list[object] = []

    async def run() -> None:
        beside.append(without_times_and_ids(await ran(document, World(hello, 0.001), seed=7)))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(run)
    assert beside == [alone] * 20
