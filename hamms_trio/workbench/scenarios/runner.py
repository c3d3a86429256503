"""The runs of a workbench: their limit, their events and their counts."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from hamms_trio.workbench.live.events import EventLog
from hamms_trio.workbench.routing.documents import Document, show
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.scenarios.document import Scenario, ScenarioLimits, Step
from hamms_trio.workbench.scenarios.recursion import no_recursion
from hamms_trio.workbench.scenarios.report import Report, StepResult
from hamms_trio.workbench.scenarios.run import RunOrder, run_scenario
from hamms_trio.workbench.scenarios.steps.sending import World

logger = logging.getLogger(__name__)

SEEDS = range(-(2**63), 2**63)
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,19}(?:\.[0-9]{1,19})?\s*")
SHARE_OF_ANSWER = 0.9  # of the seconds in which the answer of a route has to begin


@dataclass
class RunCounts:
    """Counts for /_metrics since the start of the server."""

    passed: int = 0
    failed: int = 0
    steps: int = 0
    failed_assertions: int = 0
    last_duration_ms: float = 0.0

    def document(self) -> Document:
        """Return the counts under the names of the reference."""
        return {
            "scenario_runs_total": self.passed + self.failed,
            "scenario_runs_passed": self.passed,
            "scenario_runs_failed": self.failed,
            "scenario_steps_total": self.steps,
            "scenario_assertions_failed_total": self.failed_assertions,
            "scenario_last_run_duration_ms": self.last_duration_ms,
        }


class Runner:
    """The runner of scenarios, which publishes the events of their runs.

    Args:
        answer_seconds: the time in which the answer of a route has to begin.
    """

    def __init__(
        self,
        world: World,
        events: EventLog,
        *,
        limits: ScenarioLimits,
        default_seed: int,
        answer_seconds: float,
    ) -> None:
        self._world = world
        self._events = events
        self._limits = replace(
            limits, seconds=min(limits.seconds, answer_seconds * SHARE_OF_ANSWER)
        )
        self._default_seed = default_seed
        self._running = 0
        self.counts = RunCounts()

    async def run(
        self,
        scenario: Scenario,
        *,
        seed: int | None = None,
        variables: Mapping[str, object] | None = None,
        tags: Collection[str] = (),
        mark: str | None = None,
    ) -> Report:
        """Run a scenario.

        Args:
            mark: the request's field `RUN_MARK`, if it has one.

        Raises:
            Problem: a variable is unknown, the caller is part of a run, or too many scenarios are running.
        """
        _check_variables(scenario, variables or {})
        if self._running >= self._limits.at_once:
            words = f"{self._running} scenarios are running: try again later"
            raise Problem(503, "too_many_runs", words, ("Retry-After", "1"))
        order = RunOrder(
            seed=self._default_seed if seed is None else seed,
            variables=variables or {},
            tags=tags,
        )
        with no_recursion(mark):
            self._running += 1
            try:
                return await run_scenario(
                    scenario, order, self._world, limits=self._limits, observer=self
                )
            finally:
                self._running -= 1

    def run_started(self, scenario: Scenario, seed: int) -> None:
        """Publish that a run begins."""
        payload: Document = {"scenario_id": scenario.id, "seed": seed}
        self._events.publish("scenario.run.started", payload)

    def step_started(self, scenario: Scenario, step: Step) -> None:
        """Publish that a step begins."""
        self._events.publish("scenario.step.started", _about(scenario, step))

    def step_completed(self, scenario: Scenario, step: Step, result: StepResult) -> None:
        """Publish the result of a step."""
        self.counts.steps += 1
        payload: Document = {
            **_about(scenario, step),
            "status": result.status,
            "failure_reason": result.failure_reason,
            "latency_ms": result.latency_ms,
        }
        self._events.publish("scenario.step.completed", payload, result.trace_id)
        fields = {
            **_about(scenario, step),
            "status": result.status,
            "assertion_fail_count": sum(not one.passed for one in result.assertions),
            "chaos_applied": result.chaos_applied,
            "trace_id": result.trace_id,
        }
        _log(logging.DEBUG, "scenario_step", fields)

    def run_completed(self, scenario: Scenario, report: Report) -> None:
        """Count a run, and publish its result."""
        counts = self.counts
        if report.passed:
            counts.passed += 1
        else:
            counts.failed += 1
        counts.failed_assertions += report.failed_assertions
        counts.last_duration_ms = report.summary.duration_ms
        summary = report.summary
        payload: Document = {
            "scenario_id": scenario.id,
            "run_id": report.run_id,
            "seed": report.seed,
            "status": report.status,
            "summary": {
                "passed": summary.passed,
                "failed": summary.failed,
                "duration_ms": summary.duration_ms,
            },
        }
        self._events.publish("scenario.run.completed", payload)
        fields = {
            "scenario_id": scenario.id,
            "run_id": report.run_id,
            "scenario_seed": report.seed,
            "status": report.status,
            "assertion_fail_count": report.failed_assertions,
        }
        _log(logging.INFO, "scenario_run", fields)


def read_seed(given: object) -> int:
    """Read a seed: an integer, or a text or a fraction of one, as the reference takes them.

    Raises:
        Problem: 400.
    """
    seed: object = given
    if isinstance(given, str) and _NUMBER.fullmatch(given):
        seed = int(given.partition(".")[0])
    elif isinstance(given, float) and abs(given) < SEEDS.stop:
        seed = int(given)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed not in SEEDS:
        words = "seed must be integer, from -2^63 to 2^63 - 1"
        raise Problem(400, "invalid_seed", f"{words}, and seed is {show(given)}")
    return seed


def _check_variables(scenario: Scenario, given: Mapping[str, object]) -> None:
    for name in given:
        if name not in scenario.variables:
            known = ", ".join(sorted(scenario.variables)) or "none"
            words = f"the scenario has no variable {show(name)}; it has {known}"
            raise Problem(400, "invalid_variables", words)


def _log(level: int, words: str, fields: Document) -> None:
    """Log a line with fields, which become members of the line in JSON."""
    if logger.isEnabledFor(level):
        text = " ".join(f"{name}={value}" for name, value in fields.items())
        logger.log(level, "%s %s", words, text, extra={"fields": fields})


def _about(scenario: Scenario, step: Step) -> Document:
    return {"scenario_id": scenario.id, "step_id": step.id, "target_id": step.target_id}
