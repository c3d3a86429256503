"""A world without sockets for runs: answers are functions of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from hamms_trio.workbench.scenarios import (
    Report,
    RunOrder,
    ScenarioLimits,
    read_scenario,
    run_scenario,
)
from hamms_trio.workbench.scenarios.steps.sending import SendStep, StepAnswer, StepRequest

Answer = Callable[[StepRequest], StepAnswer]


def hello(_request: StepRequest) -> StepAnswer:
    return StepAnswer(200, (("Content-Type", "text/plain"),), b"Hello World")


class World:
    """Answers by a function, and records the requests.

    Args:
        seconds: how long an answer takes.
    """

    host = "localhost"

    def __init__(self, answer: Answer = hello, seconds: float = 0.0) -> None:
        self.requests: list[StepRequest] = []
        self._answer = answer
        self._seconds = seconds

    async def send(self, target_id: str, request: StepRequest) -> StepAnswer:
        self.requests.append(request)
        await trio.sleep(self._seconds)
        return self._answer(request)

    @asynccontextmanager
    async def failing(self, fail: str, seed: int) -> AsyncIterator[SendStep]:
        async def send(_request: StepRequest) -> StepAnswer:
            await trio.lowlevel.checkpoint()
            return StepAnswer(599, (), f"{fail} {seed}".encode())

        yield send


def step(**members: Any) -> dict[str, Any]:
    """Return a step of which a test says only what matters to it."""
    return {"method": "GET", "path": "/", **members}


def scenario(*steps: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"id": "s", "name": "A journey", "steps": list(steps), **members}


async def ran(
    document: dict[str, Any],
    world: World | None = None,
    *,
    seed: int = 0,
    limits: ScenarioLimits | None = None,
    **order: Any,
) -> Report:
    """Run a scenario, and return the report."""
    limits = limits or ScenarioLimits(steps=1_000)
    reading = read_scenario(document, limits=limits, check_fail=lambda _: None)
    return await run_scenario(
        reading.scenario, RunOrder(seed=seed, **order), world or World(), limits=limits
    )
