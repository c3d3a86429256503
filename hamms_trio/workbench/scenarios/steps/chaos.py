"""Chaos: whether it strikes a step, and the answer that the step then observes.

The reference's modes change the answer that came. A failure mode answers in place of the server instead, and the
server does not receive the request.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from random import Random

from hamms_trio.http.routes.response import TEXT
from hamms_trio.workbench.scenarios.document.model import CHAOS, Chaos
from hamms_trio.workbench.scenarios.steps.sending import StepAnswer

_SERVER_ERROR = 500


def strikes(chaos: Chaos, seed: int, index: int, attempt: int = 0) -> bool:
    """Return True if chaos strikes an attempt at a step.

    Args:
        seed: the run's.
        index: the step's place in the scenario, counted from 0.
        attempt: counted from 0; each one has the next number of the same generator.
    """
    if not chaos.enabled:
        return False
    source = Random(seed + chaos.seed_offset + index)
    drawn = next(islice(iter(source.random, None), attempt, None))
    return drawn <= chaos.probability


def is_failure_mode(chaos: Chaos) -> bool:
    """Return True if a failure mode answers instead of the server."""
    return chaos.mode not in CHAOS


def changed(chaos: Chaos, answer: StepAnswer) -> StepAnswer:
    """Return the answer as this mode of chaos changes it."""
    if chaos.mode == "status_flip":
        return replace(answer, status=503 if answer.status < _SERVER_ERROR else 200)
    if chaos.mode == "drop_body":
        return replace(answer, body=b"", truncated=False)
    if chaos.mode == "fixed_error":
        return StepAnswer(_SERVER_ERROR, (("content-type", TEXT),), b"chaos injected error")
    return answer
