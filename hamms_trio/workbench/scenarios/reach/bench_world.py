"""Everything that a run in the workbench can reach: the workbench itself, without a connection, and targets."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import msgspec

from hamms_trio.http import GivenAway, Service
from hamms_trio.http.routes.response import JSON
from hamms_trio.lab.doors import Doors
from hamms_trio.workbench.routing.dispatch import dispatch
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.scenarios.reach.handed_over import meet
from hamms_trio.workbench.scenarios.reach.modes import open_mode
from hamms_trio.workbench.scenarios.recursion import RUN_MARK
from hamms_trio.workbench.scenarios.steps.sending import (
    SendStep,
    StepAnswer,
    StepRequest,
    TargetSender,
)
from hamms_trio.workbench.targets.model import LOCAL


class BenchWorld:
    """The `World` of runs in a workbench.

    Args:
        targets: None if the workbench has no targets.
    """

    host = "localhost"

    def __init__(self, service: Service, doors: Doors, targets: TargetSender | None) -> None:
        self._service = service
        self._doors = doors
        self._targets = targets

    async def send(self, target_id: str, request: StepRequest) -> StepAnswer:
        """Return the answer of the workbench or of a target (see `World.send`)."""
        if target_id == LOCAL:
            return await self._ask_ourselves(request)
        try:
            if self._targets is None:
                raise Problem(404, "target_not_found", "target not found")
            marked = replace(request, fields=(*request.fields, RUN_MARK))
            return await self._targets.send(target_id, marked)
        except Problem as problem:
            return _refused(problem)

    def failing(self, fail: str, seed: int) -> AbstractAsyncContextManager[SendStep]:
        """Serve a failure mode (see `World.failing`)."""
        return open_mode(self._doors, fail, seed)

    async def _ask_ourselves(self, request: StepRequest) -> StepAnswer:
        given_away: list[GivenAway] = []
        answer = await dispatch(
            self._service,
            request.method,
            request.target,
            request.fields,
            request.body,
            given_away=given_away.append,
        )
        if given_away:  # a failure mode answers, and it needs a connection
            return await meet(given_away[0].take, request)
        return StepAnswer(answer.status, answer.fields, answer.body, answer.truncated)


def _refused(problem: Problem) -> StepAnswer:
    content = {"error": {"code": problem.code, "message": problem.message}}
    fields = (("Content-Type", JSON), *problem.fields)
    return StepAnswer(problem.status, fields, msgspec.json.encode(content))
