"""The scenarios of a workbench: creation, changes and look-up; the store keeps them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from secrets import token_hex
from time import time

import msgspec
import trio

from hamms_trio.recording.store import Store
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.routing.problems import Problem, not_found
from hamms_trio.workbench.scenarios.document import (
    Scenario,
    ScenarioLimits,
    document_of,
    read_scenario,
)
from hamms_trio.workbench.times import timestamp

logger = logging.getLogger(__name__)

KIND = "scenario"


class Scenarios:
    """The scenarios of one workbench.

    Args:
        check_fail: raises ValueError for an unknown failure mode.
    """

    def __init__(
        self, store: Store, *, limits: ScenarioLimits, check_fail: Callable[[str], object]
    ) -> None:
        self._store = store
        self._limits = limits
        self._check_fail = check_fail
        self._scenarios: dict[str, Scenario] = {}
        self._changing = trio.Lock()  # a change is checked and written before the next one

    async def load(self) -> None:
        """Load the stored scenarios; skip one that is no longer valid, with a warning."""
        self._scenarios.clear()
        for id, octets in await self._store.records(KIND):
            try:
                scenario, _ = self.read(msgspec.json.decode(octets, type=dict[str, object]))
            except Problem as problem:
                logger.warning("skipped the stored scenario %s: %s", id, problem)
                continue
            scenario.id = id
            self._scenarios[id] = scenario

    def __len__(self) -> int:
        return len(self._scenarios)

    def __contains__(self, id: str) -> bool:
        return id in self._scenarios

    def documents(self, tag: str | None = None) -> list[Document]:
        """Return every scenario in the order of creation, or those with a tag."""
        return [
            document_of(scenario)
            for scenario in self._scenarios.values()
            if tag is None or tag in scenario.tags
        ]

    def get(self, id: str) -> Scenario:
        """Return one scenario.

        Raises:
            Problem: 404.
        """
        if id not in self._scenarios:
            raise not_found("scenario")
        return self._scenarios[id]

    def read(self, given: Document) -> tuple[Scenario, list[str]]:
        """Build a scenario without keeping it.

        Returns:
            The scenario, and the places of members that no scenario has.

        Raises:
            Problem: 400 or 413.
        """
        reading = read_scenario(given, limits=self._limits, check_fail=self._check_fail)
        return reading.scenario, reading.dropped

    async def create(self, given: Document) -> tuple[Scenario, list[str]]:
        """Add a scenario (see `read` for what is returned).

        Raises:
            Problem: 400, 409 or 413.
            StoreUnavailable: nothing was added.
        """
        scenario, dropped = self.read(given)
        scenario.id = scenario.id or token_hex(6)
        scenario.created_at = scenario.updated_at = timestamp(int(time() * 1000))
        async with self._changing:
            if len(self._scenarios) >= self._limits.scenarios:
                words = f"max scenarios reached: {self._limits.scenarios}"
                raise Problem(413, "scenario_too_large", words)
            if scenario.id in self._scenarios:
                raise _duplicate(f"the id {scenario.id} is taken")
            self._refuse_same_name(scenario)
            await self._keep(scenario)
        return scenario, dropped

    async def replace(self, id: str, given: Document) -> tuple[Scenario, list[str]]:
        """Replace a scenario; its id and time of creation stay.

        Raises:
            Problem: 400, 404, 409 or 413.
            StoreUnavailable: nothing was changed.
        """
        async with self._changing:
            known = self.get(id)
            scenario, dropped = self.read({**given, "id": id})
            self._refuse_same_name(scenario)
            scenario.created_at = known.created_at
            scenario.updated_at = timestamp(int(time() * 1000))
            await self._keep(scenario)
        return scenario, dropped

    async def delete(self, id: str) -> None:
        """Delete a scenario.

        Raises:
            Problem: 404.
            StoreUnavailable: nothing was deleted.
        """
        async with self._changing:
            self.get(id)
            await self._store.delete(KIND, id)
            del self._scenarios[id]

    def _refuse_same_name(self, scenario: Scenario) -> None:
        for other in self._scenarios.values():
            if other.id != scenario.id and other.name.lower() == scenario.name.lower():
                raise _duplicate(f"the name {scenario.name} belongs to {other.id}")

    async def _keep(self, scenario: Scenario) -> None:
        octets = msgspec.json.encode(document_of(scenario))
        await self._store.put(KIND, scenario.id, octets)
        self._scenarios[scenario.id] = scenario


def _duplicate(reason: str) -> Problem:
    return Problem(409, "duplicate_scenario", f"scenario already exists: {reason}")
