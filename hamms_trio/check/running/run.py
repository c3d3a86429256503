"""The run of a check, from the control to the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic

import trio

from hamms_trio.check.client import Tested
from hamms_trio.check.grading.grade import grade, is_accepted
from hamms_trio.check.infer.trace import Trace
from hamms_trio.check.plan.needs import Need, needs_of
from hamms_trio.check.plan.suites import chosen
from hamms_trio.check.report import CheckReport, ModeReport
from hamms_trio.check.running.cells import STREAMS, Cell, Trust, play
from hamms_trio.check.running.lab import KEPT_OCTETS, CheckedLab
from hamms_trio.check.running.options import OnProgress, Options, no_progress
from hamms_trio.check.running.reporting import finished_report, lacking, mode_report
from hamms_trio.check.running.subject import Subject, meet, open_client
from hamms_trio.check.verdicts import Finding
from hamms_trio.modes import FailureMode
from hamms_trio.modes.model.expectation import Outcome

ALONE = 4  # cells at once that are run again: they wait, and nothing else runs beside them
_AGAIN = (Finding.HANG, Finding.LATE)
_AGAIN_IF_SLOW = (Finding.REJECTED, Finding.STRICT)  # perhaps by the client's own timeout
_SLOW = 0.8  # of the timeout
# Those that wait come first, and those that take most of the processor last, when no clock runs any more.
_ORDER = {Outcome.TIMEOUT: 0, Outcome.RETRY: 0, Outcome.BOUNDED: 2}
# A client of event streams can't make sense of other bodies, but owes errors all the same.
_OWED_BY_STREAMS = (Outcome.ERROR, Outcome.TIMEOUT)


@dataclass
class Run:
    """One run of a check: what is planned, and what has been found so far.

    Attributes:
        planned: the modes, by slug.
        results: the reports of the modes, by slug, each repetition's.
        traces: of the cells, for inferences.
    """

    lab: CheckedLab
    tested: Tested
    options: Options
    catalogue: Mapping[str, FailureMode]
    on_progress: OnProgress = no_progress
    file: bytes = b""
    trust: Trust = field(default_factory=Trust)
    planned: dict[str, FailureMode] = field(default_factory=dict)
    results: dict[str, list[ModeReport]] = field(default_factory=dict)
    traces: dict[str, Trace] = field(default_factory=dict)
    subject: Subject | None = None
    _began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.planned = chosen(self.catalogue, self.options.suites, self.options.excluded)

    async def run(self) -> CheckReport:
        """Run everything, and return the report.

        Raises:
            ClientUnusable: the client can't be run, or fails where nothing is wrong.
        """
        self.lab.ledger.answer_octets = KEPT_OCTETS
        async with open_client(self.tested, self.options, self.lab, self.trust) as client:
            self.subject = await meet(
                client, self.tested, self.options, self.lab, dict(self.catalogue), self.trust
            )
            cells = self._cells()
            await self._play_all(cells, self.options.jobs)
            again = [cell for cell in cells if self._is_doubtful(cell)]
            self.on_progress(len(cells), len(cells) + len(again), "", None)
            await self._play_all(again, ALONE, before=len(cells), replaces=True)
        return self.report(complete=True)

    def report(self, *, complete: bool) -> CheckReport:
        """Return the report of what has been found so far."""
        return finished_report(
            self.tested,
            self.options,
            self.subject,
            {slug: self.results[slug] for slug in self.planned if slug in self.results},
            self.traces,
            monotonic() - self._began,
            complete=complete,
        )

    def _cells(self) -> list[Cell]:
        """Return the cells that are to be played, those that wait first, and enter the modes that do not apply."""
        cells: list[Cell] = []
        for slug, mode in self.planned.items():
            if missing := self._missing(mode):
                self.results[slug] = [lacking(mode, missing)]
            else:
                cells += self._cells_of(mode)
        cells.sort(key=lambda cell: _ORDER.get(cell.mode.client.outcome, 1))
        return cells

    def _cells_of(self, mode: FailureMode) -> Iterator[Cell]:
        for number in range(self.options.repeat):
            yield Cell(mode, self.options.seed, number, shape=self.tested.shape)

    def _missing(self, mode: FailureMode) -> str:
        assert self.subject is not None
        if mode.obstacle is not None:
            return f"This system can't play it: {mode.obstacle}."
        missing = [need for need in needs_of(mode.slug) if need not in self.subject.has]
        if missing:
            return f"It needs a client that {missing[0].value}."
        is_foreign = self.subject.shape and mode.family not in STREAMS
        if is_foreign and mode.client.outcome not in _OWED_BY_STREAMS:
            return "A client of event streams can't make sense of its body."
        if mode.slug.startswith("redirect") and Need.REDIRECT not in self.subject.has:
            return "It needs a client that follows redirects."
        return ""

    def _is_doubtful(self, cell: Cell) -> bool:
        reports = self.results[cell.mode.slug]
        return self._is_worth_a_repetition(reports[min(cell.run, len(reports) - 1)])

    def _is_worth_a_repetition(self, report: ModeReport) -> bool:
        """Return True if a busy machine may be to blame."""
        is_slow = (report.ms or 0) >= 1000 * _SLOW * self.options.timeout
        return report.finding in _AGAIN or (is_slow and report.finding in _AGAIN_IF_SLOW)

    async def _play_all(
        self, cells: list[Cell], jobs: int, *, before: int = 0, replaces: bool = False
    ) -> None:
        room = trio.CapacityLimiter(jobs)
        done = before

        async def one(cell: Cell) -> None:
            nonlocal done
            async with room:
                report = await self._play(cell, again=replaces)
            done += 1
            self.on_progress(done, before + len(cells), cell.mode.slug, report)

        async with trio.open_nursery() as nursery:
            for cell in cells:
                await trio.lowlevel.checkpoint()
                nursery.start_soon(partial(one, cell))

    async def _accepts_control(self, cell: Cell) -> bool:
        assert self.subject is not None
        control = replace(cell, is_control=True)
        facts = await play(control, self.lab, self.subject, door_kind=self.options.door)
        return is_accepted(facts)

    async def _play(self, cell: Cell, *, again: bool) -> ModeReport:
        assert self.subject is not None
        if cell.mode.control and not await self._accepts_control(cell):
            report = lacking(
                cell.mode, "The client refuses its control, in which the fault is mended."
            )
            self.results.setdefault(cell.mode.slug, []).append(report)
            return report
        number = cell.run + self.options.repeat if again else cell.run  # a nonce of its own
        played = replace(cell, run=number)
        facts = await play(
            played, self.lab, self.subject, door_kind=self.options.door, file=self.file
        )
        report = mode_report(facts, *grade(facts), played.arguments(self.subject.times))
        slug = cell.mode.slug
        self.traces[slug] = Trace.of(facts)
        if again:
            self.results[slug] = [
                report if self._is_worth_a_repetition(known) else known
                for known in self.results[slug]
            ]
        else:
            self.results.setdefault(slug, []).append(report)
        return report
