"""The rules of scenarios, from the JSON that a user gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import msgspec

from hamms_trio.wire.grammar import FIELD_NAME
from hamms_trio.workbench.mocks.templates import check_expression
from hamms_trio.workbench.routing.documents import (
    CONTROL_CHARACTERS,
    IDENTIFIER,
    SENT_METHODS,
    Document,
    convert,
    show,
)
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.scenarios.document import model
from hamms_trio.workbench.scenarios.document.drafts import (
    ExpectDraft,
    ScenarioDraft,
    StepDraft,
)
from hamms_trio.workbench.scenarios.document.limits import ScenarioLimits
from hamms_trio.workbench.scenarios.document.model import (
    Chaos,
    Defaults,
    Expect,
    Extract,
    Group,
    Retry,
    Scenario,
    Step,
)
from hamms_trio.workbench.scenarios.steps import variables

CODE = "invalid_scenario"
TOO_LARGE = "scenario_too_large"
UNABLE = "unable to create scenario"  # the reference's words for every other value

_TAKEN = ("run", "runs")  # these are parts of paths of the API
_SOURCES = ("json", "header", "status")

_SCENARIO_MESSAGES = {
    "name": "scenario name is required",
    "steps": "steps must be a list",
    "defaults": "defaults must be an object",
    "defaults.stop_on_fail": f"{UNABLE}: stop_on_fail must be true or false",
}
_STEP_MESSAGES = {
    "method": "invalid method",
    "path": "path must start with /",
    "headers": "headers must be an object",
    "delay_ms": f"delay_ms must be >= 0, and at most {model.MAX_DELAY_MS}",
    "chaos": "chaos must be an object",
    "chaos.mode": "invalid chaos mode",
    "chaos.enabled": f"{UNABLE}: chaos.enabled must be true or false",
    "chaos.probability": "probability must be between 0 and 1",
    "chaos.seed_offset": f"{UNABLE}: seed_offset must be an integer",
    "expect": "expect must be an object",
    "expect.status": f"{UNABLE}: status must be an integer from 100 to 599, or a list of them",
    "expect.body_contains": "body_contains must be a list",
    "expect.header_equals": "header_equals must be an object",
    "expect.max_latency_ms": f"{UNABLE}: max_latency_ms must be a number",
    "expect.json": "json must be an object of expressions and values",
    "extract": "extract must be an object",
    "retry": "retry must be an object",
    "retry.attempts": f"attempts must be between 1 and {model.MAX_ATTEMPTS}",
    "retry.delay_ms": f"delay_ms must be >= 0, and at most {model.MAX_DELAY_MS}",
    "retry.factor": "factor must be between 1 and 10",
}


@dataclass
class Reading:
    """A scenario that was read.

    Attributes:
        dropped: the places of members that no scenario has.
    """

    scenario: Scenario
    dropped: list[str]


def read_scenario(
    given: Document, *, limits: ScenarioLimits, check_fail: Callable[[str], object]
) -> Reading:
    """Build a scenario from a document.

    Args:
        check_fail: raises ValueError for an unknown failure mode.

    Raises:
        Problem: 400 or 413, with the step, the field and its value.
    """
    draft = convert(given, ScenarioDraft, CODE, _SCENARIO_MESSAGES)
    draft.name = draft.name.strip()
    if not draft.name:
        raise Problem(400, CODE, "scenario name is required")
    if draft.id and (not IDENTIFIER.fullmatch(draft.id) or draft.id in _TAKEN):
        rule = (
            f"id must be 1 to 128 letters, digits, and . _ ~ -, and neither {' nor '.join(_TAKEN)}"
        )
        raise Problem(400, CODE, f"{rule}, and id is {show(draft.id)}")
    if not draft.steps:
        raise Problem(400, CODE, "scenario must contain at least one step")
    dropped = _unknown(given, ScenarioDraft, "")
    steps = _read_steps(draft.steps, limits, check_fail, dropped)
    scenario = Scenario(
        id=draft.id,
        name=draft.name,
        description=draft.description,
        created_at=draft.created_at,
        updated_at=draft.updated_at,
        variables=draft.variables,
        tags=draft.tags,
        defaults=draft.defaults or Defaults(),
        steps=steps,
    )
    _check_variables(scenario)
    return Reading(scenario, dropped)


def _read_steps(
    given: list[object],
    limits: ScenarioLimits,
    check_fail: Callable[[str], object],
    dropped: list[str],
) -> list[Step | Group]:
    reader = _StepReader(limits, check_fail, dropped)
    items: list[Step | Group] = []
    for item in given:
        if not isinstance(item, dict) or "parallel" not in item:
            items.append(reader.read(item))
            continue
        within = item["parallel"]
        if not isinstance(within, list) or not within:
            rule = f"step {reader.count + 1}: parallel must be a list of at least one step"
            raise Problem(400, CODE, f"{rule}, and parallel is {show(within)}")
        dropped += [f"steps: {name} beside parallel" for name in item if name != "parallel"]
        items.append(Group([reader.read(step) for step in within]))
    return items


class _StepReader:
    """The reader of one step after another, which counts them."""

    def __init__(
        self, limits: ScenarioLimits, check_fail: Callable[[str], object], dropped: list[str]
    ) -> None:
        self.count = 0
        self._limits = limits
        self._check_fail = check_fail
        self._dropped = dropped

    def read(self, given: object) -> Step:
        self.count += 1
        if self.count > self._limits.steps:
            words = f"scenario has too many steps: the limit is {self._limits.steps}"
            raise Problem(413, TOO_LARGE, words)
        where = f"step {self.count}"
        if not isinstance(given, dict):
            raise Problem(400, CODE, f"{where} must be an object, not {show(given)}")
        if "parallel" in given:
            raise Problem(400, CODE, f"{where}: a parallel step can't have parallel steps")
        try:
            step = _step(given, self.count, self._check_fail)
        except Problem as problem:
            raise Problem(problem.status, problem.code, f"{where}: {problem.message}") from None
        if step.expect.count > self._limits.assertions:
            words = f"{where}: too many assertions: the limit is {self._limits.assertions}"
            raise Problem(413, TOO_LARGE, words)
        self._dropped += _unknown(given, StepDraft, f"{where}: ")
        return step


def _step(given: Document, number: int, check_fail: Callable[[str], object]) -> Step:
    expect = given.get("expect")
    if isinstance(expect, dict) and expect.get("status") == []:
        raise Problem(400, CODE, "status list cannot be empty")
    draft = convert(given, StepDraft, CODE, _STEP_MESSAGES)
    step = Step(
        id=draft.id or f"step-{number}",
        name=draft.name or f"Step {number}",
        method=draft.method.upper(),
        path=draft.path.strip(),
        target_id=draft.target_id,
        headers=_headers(draft),
        body=_text(draft.body),
        delay_ms=draft.delay_ms,
        chaos=draft.chaos or Chaos(),
        expect=_expect(draft.expect or ExpectDraft()),
        extract=draft.extract,
        retry=draft.retry or Retry(),
        tags=draft.tags,
        timeout_ms=draft.timeout_ms,
    )
    _check_request(step)
    _check_chaos(step.chaos, check_fail)
    for expression in step.expect.json:
        _check_jmespath(expression, "json")
    for name, extract in step.extract.items():
        _check_extract(name, extract)
    return step


def _expect(draft: ExpectDraft) -> Expect:
    statuses = draft.status if isinstance(draft.status, list) else [draft.status]
    return Expect(
        status=statuses,
        body_contains=draft.body_contains,
        header_equals={name.lower(): value for name, value in draft.header_equals.items()},
        max_latency_ms=draft.max_latency_ms,
        json=draft.json,
    )


def _headers(draft: StepDraft) -> dict[str, str]:
    """Return the fields; add a Content-Type for a body that is not a text."""
    headers = draft.headers or {}
    is_typed = any(name.lower() == "content-type" for name in headers)
    if isinstance(draft.body, str | None) or is_typed:
        return headers
    return {**headers, "Content-Type": "application/json"}


def _text(body: object) -> str:
    """Return a body as it is sent: text as it is, and every other value as JSON."""
    if isinstance(body, str):
        return body
    return "" if body is None else json.dumps(body)


def _check_request(step: Step) -> None:
    if step.method not in SENT_METHODS:
        known = ", ".join(SENT_METHODS)
        raise Problem(
            400, CODE, f"invalid method, and method is {show(step.method)}: known are {known}"
        )
    if not step.path.startswith(("/", "{{")):
        raise Problem(400, CODE, f"path must start with /, and path is {show(step.path)}")
    for name, value in step.headers.items():
        if not FIELD_NAME.fullmatch(name):
            raise Problem(400, CODE, f"a header's name must be a token, and {show(name)} is not")
        if CONTROL_CHARACTERS.search(value):
            words = (
                f"a header's value has no control characters, and headers.{name} is {show(value)}"
            )
            raise Problem(400, CODE, words)


def _check_chaos(chaos: Chaos, check_fail: Callable[[str], object]) -> None:
    chaos.mode = chaos.mode.strip()
    if chaos.mode in model.CHAOS:
        return
    try:
        check_fail(chaos.mode)
    except ValueError as error:
        known = ", ".join(model.CHAOS)
        raise Problem(
            400, CODE, f"invalid chaos mode: {error}; give {known}, or a failure mode"
        ) from None


def _check_extract(name: str, extract: Extract) -> None:
    if not model.VARIABLE.fullmatch(name) or name in variables.RESERVED_VARIABLES:
        rule = "a variable's name has letters, digits and _, at most 64, and is not a mock's word"
        raise Problem(400, CODE, f"extract: {rule}, and {show(name)} is not such a name")
    if extract.source not in _SOURCES:
        rule = f"from must be {', '.join(_SOURCES[:-1])} or {_SOURCES[-1]}"
        raise Problem(400, CODE, f"extract.{name}: {rule}, and from is {show(extract.source)}")
    if extract.source == "json":
        _check_jmespath(extract.path, f"extract.{name}")
    elif extract.source == "header" and not FIELD_NAME.fullmatch(extract.path):
        raise Problem(400, CODE, f"extract.{name}: path must be the name of a field")


def _check_jmespath(expression: str, where: str) -> None:
    try:
        check_expression(expression)
    except ValueError as error:
        raise Problem(400, CODE, f"{where}: {error}") from None


def _check_variables(scenario: Scenario) -> None:
    """Refuse references to undefined variables, so that a typing error is found at once."""
    for name in scenario.variables:
        if not model.VARIABLE.fullmatch(name) or name in variables.RESERVED_VARIABLES:
            raise Problem(400, CODE, f"variables: {show(name)} is not a valid name of a variable")
    known = set(scenario.variables)
    for step in scenario.flat:
        known |= step.extract.keys()
    if not known:
        return  # texts in braces are the user's own
    for number, step in enumerate(scenario.flat, 1):
        texts: Iterable[object] = (
            step.path,
            step.body,
            *step.headers.values(),
            *step.expect.body_contains,
            *step.expect.header_equals.values(),
            *step.expect.json.values(),
        )
        for name in variables.names_in(texts):
            if name not in known:
                words = f"step {number}: nothing defines the variable {name}"
                raise Problem(400, CODE, f"{words}; defined are {', '.join(sorted(known))}")


def _unknown(given: object, struct: type[msgspec.Struct], where: str) -> list[str]:
    """Return the places of members that a struct does not have, nested ones included."""
    if not isinstance(given, dict):
        return []
    kinds = dict(zip(struct.__struct_encode_fields__, struct.__struct_fields__, strict=True))
    found = [f"{where}{name}" for name in given if name not in kinds]
    for name, inner in _INNER.items():
        if name in kinds and name in given:
            found += _unknown(given[name], inner, f"{where}{name}.")
    if "extract" in kinds:
        for name, extract in cast("dict[str, object]", given.get("extract") or {}).items():
            found += _unknown(extract, Extract, f"{where}extract.{name}.")
    return found


_INNER: dict[str, type[msgspec.Struct]] = {
    "chaos": Chaos,
    "defaults": Defaults,
    "expect": ExpectDraft,
    "retry": Retry,
}
