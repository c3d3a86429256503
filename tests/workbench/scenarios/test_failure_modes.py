"""Failure modes as chaos: a real client meets each one, and the step reports what the client has seen."""

from __future__ import annotations

import pytest
import trio

from hamms_trio.lab.doors import Doors
from hamms_trio.modes import known_modes
from hamms_trio.workbench.scenarios.reach.modes import open_mode
from hamms_trio.workbench.scenarios.steps.sending import ResponseLost, StepRequest

DOORS = Doors(known_modes())
IMPATIENT = StepRequest("GET", "/", (), b"", 0.2)  # many a mode never answers
REQUEST = StepRequest("GET", "/?status=404", (), b"", 5.0)

SEEN = [
    ("status?status=503", 503),
    ("tcp-refused", "refused"),
    ("tcp-accept-rst", "reset"),
    ("tcp-accept-close", "closed"),
    ("frame-cl-short-fin", "incomplete"),
    ("status-000", "malformed"),
    ("coding-bomb-gzip", "too_large"),
    ("redirect-body", "too_large"),
    ("coding-gzip-bad-crc", "undecodable"),
    ("tls-expired", "untrusted"),
    ("tls-garbage", "tls"),
    ("tls-close-after-clienthello", "closed"),
    ("tls12-only", 200),
    ("ok", 200),
]  # fmt: skip


@pytest.mark.parametrize(("fail", "expected"), SEEN)
async def test_a_step_observes_the_same_failure_as_a_client(fail: str, expected: int | str) -> None:
    async with open_mode(DOORS, fail, 1) as send:
        try:
            seen: int | str = (await send(REQUEST)).status
        except ResponseLost as lost:
            seen = lost.loss.word
    assert seen == expected


async def test_every_mode_ends_in_an_answer_or_a_loss() -> None:
    seen: dict[str, int | str] = {}
    some = trio.CapacityLimiter(16)

    async def meet(slug: str) -> None:
        async with some, open_mode(DOORS, slug, 1) as send:
            seen[slug] = "timeout"
            with trio.move_on_after(IMPATIENT.seconds):
                try:
                    seen[slug] = (await send(IMPATIENT)).status
                except ResponseLost as lost:
                    seen[slug] = lost.loss.word

    async with trio.open_nursery() as nursery:
        for slug in DOORS.catalogue:
            nursery.start_soon(meet, slug)
    assert seen.keys() == set(DOORS.catalogue)
    assert "unsendable" not in seen.values()


async def test_a_mode_remembers_the_attempts_of_its_own_step_only() -> None:
    for _ in range(2):
        async with open_mode(DOORS, "retries?tries=2", 1) as send:
            assert [(await send(REQUEST)).status for _ in range(2)] == [500, 200]


async def test_a_seed_gives_the_same_octets() -> None:
    bodies = []
    for seed in (1, 1, 2):
        async with open_mode(DOORS, "ok", seed) as send:
            bodies.append((await send(REQUEST)).body)
    assert bodies[0] == bodies[1] != bodies[2]
