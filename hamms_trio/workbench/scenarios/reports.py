"""The reports that a workbench keeps: the newest ones, up to a number and a size."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from hamms_trio.recording.store import Store
from hamms_trio.workbench.routing.problems import not_found
from hamms_trio.workbench.scenarios.document import ScenarioLimits
from hamms_trio.workbench.scenarios.report import Report

logger = logging.getLogger(__name__)

KIND = "run"


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report as JSON."""

    scenario_id: str
    octets: bytes


class Reports:
    """The reports of runs, the oldest of which are evicted first."""

    def __init__(self, store: Store, limits: ScenarioLimits) -> None:
        self._store = store
        self._limits = limits
        self._reports: OrderedDict[str, KeptReport] = OrderedDict()
        self._octets = 0

    async def load(self) -> None:
        """Load the stored reports; skip a record that is no report, with a warning."""
        self._reports.clear()
        self._octets = 0
        for run_id, octets in await self._store.records(KIND):
            try:
                report = msgspec.json.decode(octets, type=Report)
            except ValueError as error:  # of a file that was imported
                logger.warning("skipped the stored report %s: %s", run_id, error)
                continue
            self._add(run_id, KeptReport(report.scenario_id, octets))
        await self._evict()

    def __len__(self) -> int:
        return len(self._reports)

    async def keep(self, report: Report) -> bytes:
        """Keep a report, and return it as JSON with sorted names.

        Raises:
            StoreUnavailable: the report was not kept.
        """
        octets = written(report)
        await self._store.put(KIND, report.run_id, octets)
        self._add(report.run_id, KeptReport(report.scenario_id, octets))
        await self._evict()
        return octets

    def get(self, run_id: str) -> bytes:
        """Return one report as JSON.

        Raises:
            Problem: 404.
        """
        if run_id not in self._reports:
            raise not_found("run")
        return self._reports[run_id].octets

    def newest(self, scenario_id: str, limit: int) -> list[bytes]:
        """Return the newest reports of a scenario as JSON, the newest first."""
        found = [
            kept.octets
            for kept in reversed(self._reports.values())
            if kept.scenario_id == scenario_id
        ]
        return found[:limit]

    async def drop(self, scenario_id: str) -> None:
        """Delete the reports of a scenario."""
        for run_id, kept in list(self._reports.items()):
            if kept.scenario_id == scenario_id:
                await self._delete(run_id)

    async def clear(self) -> None:
        """Delete all reports."""
        for run_id in list(self._reports):
            await self._delete(run_id)

    def _add(self, run_id: str, kept: KeptReport) -> None:
        self._reports[run_id] = kept
        self._octets += len(kept.octets)

    async def _evict(self) -> None:
        limits = self._limits
        while len(self._reports) > limits.runs or (
            self._octets > limits.run_octets and len(self._reports) > 1
        ):
            await self._delete(next(iter(self._reports)))

    async def _delete(self, run_id: str) -> None:
        kept = self._reports.pop(run_id, None)
        if kept is not None:
            self._octets -= len(kept.octets)
            await self._store.delete(KIND, run_id)


def written(report: Report, *, indent: int = 0) -> bytes:
    """Return a report as JSON with sorted names, on one line unless it is indented."""
    return msgspec.json.format(msgspec.json.encode(report, order="sorted"), indent=indent)
