"""One run of a scenario: its steps in order, or at the same time, and the report.

A run depends on its scenario, its seed and its variables, and on nothing that runs beside it. Chaos depends on the
seed and on a step's place in the document, parallel steps see the variables from before their group, and the
failure mode of each step has its own state.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from secrets import token_hex
from typing import Protocol

import msgspec
import trio

from hamms_trio.workbench.routing.received import SENDERS_FIELDS
from hamms_trio.workbench.scenarios.document import Scenario, ScenarioLimits, Step
from hamms_trio.workbench.scenarios.document.model import Expect
from hamms_trio.workbench.scenarios.report import Assertion, Report, RunSummary, StepResult
from hamms_trio.workbench.scenarios.report.analysis import analyse
from hamms_trio.workbench.scenarios.steps import chaos, variables
from hamms_trio.workbench.scenarios.steps.checks import Observed, check, extract
from hamms_trio.workbench.scenarios.steps.rendering import result_of
from hamms_trio.workbench.scenarios.steps.sending import (
    Loss,
    ResponseLost,
    SendStep,
    StepAnswer,
    StepRequest,
    World,
    lost_answer,
)
from hamms_trio.workbench.targets.model import LOCAL
from hamms_trio.workbench.times import timestamp

LARGE = 64 * 1024  # octets of an answer that are checked in a thread


class RunObserver(Protocol):
    """The observer of a run's progress."""

    def run_started(self, scenario: Scenario, seed: int) -> None: ...
    def step_started(self, scenario: Scenario, step: Step) -> None: ...
    def step_completed(self, scenario: Scenario, step: Step, result: StepResult) -> None: ...
    def run_completed(self, scenario: Scenario, report: Report) -> None: ...


class Unobserved:
    """The observer of runs that nobody watches."""

    def run_started(self, scenario: Scenario, seed: int) -> None:
        pass

    def step_started(self, scenario: Scenario, step: Step) -> None:
        pass

    def step_completed(self, scenario: Scenario, step: Step, result: StepResult) -> None:
        pass

    def run_completed(self, scenario: Scenario, report: Report) -> None:
        pass


UNOBSERVED = Unobserved()


@dataclass(frozen=True, kw_only=True)
class RunOrder:
    """The options of one run.

    Attributes:
        variables: values that override the scenario's.
        tags: only steps with one of these tags run; all steps if there are none.
    """

    seed: int
    variables: Mapping[str, object] = field(default_factory=dict)
    tags: Collection[str] = ()


async def run_scenario(
    scenario: Scenario,
    order: RunOrder,
    world: World,
    *,
    limits: ScenarioLimits,
    observer: RunObserver = UNOBSERVED,
) -> Report:
    """Run a scenario, and return the report whether it passes or fails."""
    return await _Run(scenario, order, world, limits, observer).report()


class _Run:
    def __init__(
        self,
        scenario: Scenario,
        order: RunOrder,
        world: World,
        limits: ScenarioLimits,
        observer: RunObserver,
    ) -> None:
        self._scenario = scenario
        self._order = order
        self._world = world
        self._seconds = limits.seconds
        self._deadline = trio.current_time() + limits.seconds
        self._observer = observer
        self._results: list[StepResult] = []
        self._has_variables = bool(scenario.variables) or any(
            step.extract for step in scenario.flat
        )
        self._values: dict[str, object] = {**scenario.variables, **order.variables}

    async def report(self) -> Report:
        started_ms, begun = int(time.time() * 1000), time.perf_counter()
        self._observer.run_started(self._scenario, self._order.seed)
        await self._run_steps()
        duration = (time.perf_counter() - begun) * 1000
        results = self._results
        failed = sum(not result.passed for result in results)
        analysis = analyse(results)
        report = Report(
            run_id=token_hex(7),
            scenario_id=self._scenario.id,
            seed=self._order.seed,
            status=analysis.status,
            started_at=timestamp(started_ms),
            finished_at=timestamp(int(time.time() * 1000)),
            failed_assertions=sum(not a.passed for result in results for a in result.assertions),
            summary=RunSummary(len(results) - failed, failed, round(duration, 3)),
            step_results=results,
            analysis=analysis,
            scenario_name=self._scenario.name,
        )
        self._observer.run_completed(self._scenario, report)
        return report

    async def _run_steps(self) -> None:
        wanted = frozenset(self._order.tags)
        index = 0
        for group in self._scenario.groups():
            chosen = [
                _Attempting(self, index + place, step, dict(self._values))
                for place, step in enumerate(group)
                if not wanted or wanted.intersection(step.tags)
            ]
            index += len(group)
            await self._run_together(chosen)
            for attempting in chosen:
                assert attempting.result is not None
                self._results.append(attempting.result)
                self._values.update(attempting.extracted)
            has_failed = not all(one.result and one.result.passed for one in chosen)
            is_over = trio.current_time() >= self._deadline
            if has_failed and (self._scenario.defaults.stop_on_fail or is_over):
                return

    async def _run_together(self, steps: list[_Attempting]) -> None:
        if len(steps) == 1:
            await steps[0].run()
            return
        async with trio.open_nursery() as nursery:
            for step in steps:
                nursery.start_soon(step.run)

    @property
    def seed(self) -> int:
        return self._order.seed

    @property
    def world(self) -> World:
        return self._world


class _Attempting:
    """One step of a run, with all of its attempts.

    Attributes:
        extracted: the variables that the step's answer has given.
    """

    def __init__(self, run: _Run, index: int, step: Step, values: dict[str, object]) -> None:
        self.result: StepResult | None = None
        self.extracted: dict[str, object] = {}
        self._run = run
        self._index = index
        self._step = step
        self._values = values if run._has_variables else None
        self._mode: SendStep | None = None

    async def run(self) -> None:
        """Try the step until it passes or its attempts are used up."""
        run, step = self._run, self._step
        run._observer.step_started(run._scenario, step)
        with trio.move_on_at(run._deadline) as scope:
            await trio.sleep(step.delay_ms / 1000)
            async with AsyncExitStack() as stack:
                await self._try_all(stack)
        if scope.cancelled_caught:
            self.result = _overdue(step, run._seconds)
        assert self.result is not None
        run._observer.step_completed(run._scenario, step, self.result)

    async def _try_all(self, stack: AsyncExitStack) -> None:
        retry = self._step.retry
        delay = retry.delay_ms / 1000
        for attempt in range(retry.attempts):
            if attempt:
                await trio.sleep(delay)
                delay *= retry.factor
            self.result = await self._try(attempt, stack)
            if attempt:
                self.result.attempts = attempt + 1
            if self.result.passed:
                return

    async def _try(self, attempt: int, stack: AsyncExitStack) -> StepResult:
        step = self._step
        request = _unfilled(step)
        try:
            request = _request(step, self._values, self._run.world.host)
            expect = _expect(step.expect, self._values)
        except (variables.VariableMissing, variables.TextTooLong) as problem:
            missing = Assertion("variables", False, None, None, str(problem))
            return result_of(step, request, lost_answer(ResponseLost(Loss.UNSENDABLE)), [missing])
        struck = chaos.strikes(step.chaos, self._run.seed, self._index, attempt)
        is_instead = struck and chaos.is_failure_mode(step.chaos)
        try:
            send = await self._sender(stack, is_instead=is_instead)
        except ResponseLost as lost:
            answer, seconds = lost_answer(lost), 0.0
        else:
            answer, seconds = await _sent(send, request)
        latency_ms = round(seconds * 1000, 3)
        if struck and not is_instead:
            answer = chaos.changed(step.chaos, answer)

        def finish() -> StepResult:
            seen = Observed(answer, latency_ms)
            found = extract(step.extract, seen)
            self.extracted = found.values
            assertions = [*check(expect, seen), *found.failures]
            return result_of(
                step, request, answer, assertions, latency_ms=latency_ms, chaos_applied=struck
            )

        if len(answer.body) > LARGE:
            return await trio.to_thread.run_sync(finish)
        return finish()

    async def _sender(self, stack: AsyncExitStack, *, is_instead: bool) -> SendStep:
        run, step = self._run, self._step
        if not is_instead:
            return lambda request: run.world.send(step.target_id, request)
        if self._mode is None:
            seed = run.seed + step.chaos.seed_offset + self._index
            self._mode = await stack.enter_async_context(run.world.failing(step.chaos.mode, seed))
        return self._mode


async def _sent(send: SendStep, request: StepRequest) -> tuple[StepAnswer, float]:
    """Send a request; return the answer, or one that reports the loss, and the seconds that it took."""
    answer = lost_answer(ResponseLost(Loss.TIMEOUT))
    begun = time.perf_counter()
    try:
        with trio.move_on_after(request.seconds):
            answer = await send(request)
    except ResponseLost as lost:
        answer = lost_answer(lost)
    return answer, time.perf_counter() - begun


def _request(step: Step, values: Mapping[str, object] | None, host: str) -> StepRequest:
    fields = [
        (name.lower(), variables.fill_field(value, values)) for name, value in step.headers.items()
    ]
    sent = [(name, value) for name, value in fields if name not in SENDERS_FIELDS]
    if step.target_id == LOCAL and not any(name == "host" for name, _ in sent):
        sent.append(("host", host))
    return replace(
        _unfilled(step),
        target=variables.fill_path(step.path, values),
        fields=tuple(sent),
        body=variables.fill_body(step.body, values).encode(errors="replace"),
    )


def _unfilled(step: Step) -> StepRequest:
    return StepRequest(step.method, step.path, (), step.body.encode(), step.timeout_ms / 1000)


def _expect(expect: Expect, values: Mapping[str, object] | None) -> Expect:
    if values is None:
        return expect
    return msgspec.structs.replace(
        expect,
        body_contains=[variables.fill_text(text, values) for text in expect.body_contains],
        header_equals={
            name: variables.fill_text(text, values) for name, text in expect.header_equals.items()
        },
        json={name: variables.fill_value(value, values) for name, value in expect.json.items()},
    )


def _overdue(step: Step, seconds: float) -> StepResult:
    reason = f"the run took longer than {seconds:g} s"
    answer = lost_answer(ResponseLost(Loss.TIMEOUT, reason))
    return result_of(
        step, _unfilled(step), answer, [Assertion("run_time", False, seconds, None, reason)]
    )
