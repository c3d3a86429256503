"""The targets of a workbench, as the steps of a run call them."""

from __future__ import annotations

from hamms_trio.http.routes.response import JSON
from hamms_trio.workbench.routing.dispatch import MAX_HOPS, hops
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.scenarios.steps.sending import Loss, StepAnswer, StepRequest
from hamms_trio.workbench.targets import TargetCalls, TargetFailed
from hamms_trio.workbench.targets.calls import outgoing_from
from hamms_trio.workbench.targets.failing import Failing

_LOSSES = {
    Failing.UNRESOLVED: Loss.UNREACHABLE,
    Failing.HANDSHAKE: Loss.UNREACHABLE,
    Failing.BUSY: Loss.TIMEOUT,
}


class StepTargets:
    """The `TargetSender` of a workbench."""

    def __init__(self, calls: TargetCalls) -> None:
        self._calls = calls

    async def send(self, name: str, request: StepRequest) -> StepAnswer:
        """Return the answer of the target with this id or name (see `TargetSender.send`)."""
        calls = self._calls
        target = calls.targets.usable(name)
        if hops() >= MAX_HOPS:
            words = f"the request has passed through this workbench {MAX_HOPS} times"
            raise Problem(508, "loop_detected", words)
        via = calls.hops.field(hops() + 1)
        given = list(request.fields)
        outgoing = outgoing_from(request.method, request.target, given, request.body, target, via)
        # A little less than the step's time, so that the target times out first.
        seconds = min(0.95 * request.seconds, target.timeout_ms / 1000)
        try:
            answer = await calls.call(target, outgoing, seconds=seconds)
            step = StepAnswer(answer.status, answer.fields, answer.body)
        except TargetFailed as problem:
            loss = _LOSSES.get(problem.failing) or Loss[problem.failing.name]
            content_type = ("content-type", JSON)
            step = StepAnswer(problem.status, (content_type,), problem.document(), loss=loss)
        calls.note(target, request.method, request.target, step.status)
        return step
