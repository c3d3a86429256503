"""The times of incidents, by a virtual clock, and the delays that their seeds decide."""

from __future__ import annotations

from statistics import fmean, pstdev

import pytest
import trio

from hamms_trio.workbench.incidents import Incidents, read_incident
from hamms_trio.workbench.incidents.effect import effect_on
from hamms_trio.workbench.routing.documents import Document


class Told(list[tuple[str, Document]]):
    """The events that were published."""

    def publish(self, type: str, payload: Document) -> None:
        """Note an event."""
        self.append((type, payload))

    @property
    def ends(self) -> list[object]:
        """The reasons of the ends."""
        return [payload["ended_by"] for type, payload in self if type == "incident.stopped"]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def incidents(told: Told) -> Incidents:
    return Incidents(seed=1337, publish=told.publish, check_fail=lambda _: None)


def strikes(incidents: Incidents) -> bool:
    return incidents.next_effect() is not None


async def phases(incidents: Incidents, seconds: int) -> str:
    """Return the phase in the middle of each second, by its first letter."""
    seen = ""
    for _ in range(seconds):
        await trio.sleep(0.5)
        seen += str(incidents.state()["phase"])[0]
        await trio.sleep(0.5)
    return seen


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, "ssssssss"),
        ({"start_after": 3}, "wwwsssss"),
        ({"duration": 3}, "sssooooo"),
        ({"start_after": 2, "duration": 3}, "wwsssooo"),
        ({"flap": 2}, "ssrrssrr"),
        ({"start_after": 1, "flap": 2, "duration": 6}, "wssrrsso"),
        ({"ttl": 2}, "ssoooooo"),
        ({"start_after": 4, "ttl": 2}, "wwoooooo"),
        ({"duration": 5, "flap": 1, "ttl": 4}, "srsroooo"),
    ],
)
async def test_windows_decide_when_requests_are_struck(
    incidents: Incidents, autojump_clock: object, members: Document, expected: str
) -> None:
    incidents.start({"probability": 1, **members})
    assert await phases(incidents, 8) == expected


async def test_requests_outside_of_the_window_do_not_count(
    incidents: Incidents, autojump_clock: object
) -> None:
    incidents.start({"probability": 1, "start_after": 1})
    assert not strikes(incidents)
    await trio.sleep(1)
    assert strikes(incidents)
    assert incidents.state()["requests"] == 1


@pytest.mark.parametrize("member", ["ttl", "duration"])
async def test_an_incident_ends_on_time_without_any_request(
    incidents: Incidents, told: Told, autojump_clock: object, member: str
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(incidents.run)
        started = incidents.start({"probability": 1, member: 60})
        with trio.fail_after(61):
            await started.over.wait()
        assert told.ends == [member]
        nursery.cancel_scope.cancel()


async def test_an_overdue_incident_strikes_no_request(
    incidents: Incidents, told: Told, autojump_clock: object
) -> None:
    incidents.start({"probability": 1, "ttl": 5})
    await trio.sleep(5)  # and no task that watches the time
    assert not strikes(incidents)
    assert told.ends == ["ttl"]


async def test_a_start_replaces_the_incident(incidents: Incidents, told: Told) -> None:
    first = incidents.start({"probability": 1})
    second = incidents.start({"probability": 0})
    assert told.ends == ["replaced"]
    assert not strikes(incidents)
    incidents.stop_this(first)
    assert incidents.current is second


def delays(**members: object) -> list[float]:
    """Return the delays of a thousand requests, in milliseconds."""
    given: Document = {"mode": "fixed_latency", "probability": 1, "latency_ms": 500, **members}
    asked = read_incident(given, seed=7, check_fail=lambda _: None)
    effects = [effect_on(asked, index) for index in range(1_000)]
    return [effect.seconds * 1000 for effect in effects if effect is not None]


def test_a_fixed_delay_is_always_the_same() -> None:
    assert set(delays(jitter_ms=300)) == {500.0}


def test_a_uniform_delay_stays_within_its_bounds() -> None:
    seen = delays(distribution="uniform", jitter_ms=200)
    assert 300 <= min(seen) < 310
    assert 690 < max(seen) <= 700


def test_a_normal_delay_has_its_mean_and_deviation() -> None:
    seen = delays(distribution="normal", jitter_ms=50)
    assert abs(fmean(seen) - 500) < 5
    assert abs(pstdev(seen) - 50) < 5


def test_no_delay_is_negative_or_beyond_the_limit() -> None:
    assert min(delays(latency_ms=1, distribution="normal", jitter_ms=1_000)) == 0
    assert max(delays(latency_ms=9_999, distribution="normal", jitter_ms=1_000)) == 10_000


def test_a_delay_honours_its_probability_and_its_seed() -> None:
    seen = delays(probability=0.25, distribution="uniform", jitter_ms=100)
    assert 200 < len(seen) < 300
    assert seen == delays(probability=0.25, distribution="uniform", jitter_ms=100)
    assert seen != delays(probability=0.25, distribution="uniform", jitter_ms=100, seed=9_000)
