"""The run of a check, from the control to the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic

import trio

from hamms_trio.check.client import Tested
from hamms_trio.check.grading.grade import grade, is_accepted
from hamms_trio.check.infer.trace import Trace
from hamms_trio.check.plan.arguments import Times
from hamms_trio.check.plan.needs import Need, needs_of
from hamms_trio.check.plan.suites import chosen
from hamms_trio.check.report import CheckReport, ModeReport
from hamms_trio.check.running.cells import STREAMS, Cell, Trust, play
from hamms_trio.check.running.lab import KEPT_OCTETS, CheckedLab
from hamms_trio.check.running.lag import LagWatch
from hamms_trio.check.running.options import OnProgress, Options, no_progress
from hamms_trio.check.running.reporting import finished_report, lacking, mode_report
from hamms_trio.check.running.subject import PROBE_SECONDS, Subject, meet, open_client
from hamms_trio.check.verdicts import Finding
from hamms_trio.modes import FailureMode
from hamms_trio.modes.model.expectation import Outcome

ALONE = 4  # cells at once that are run again: they wait, and nothing else runs beside them
# Those that wait come first, and those that take most of the processor last, when no clock runs any more.
_PHASES = (
    (Outcome.TIMEOUT, Outcome.RETRY),
    (Outcome.ERROR, Outcome.EXACT, Outcome.ERROR_OR_EXACT, Outcome.POLICY),
    (Outcome.BOUNDED,),
)
_AGAIN = (Finding.HANG, Finding.LATE, Finding.RESOURCES)
# On a busy machine the client's own timeout may have decided, although the mode makes no client wait.
_AGAIN_IF_SLOW = (Finding.OK, Finding.REJECTED, Finding.STRICT, Finding.NOT_FIRED)
_QUICK = _PHASES[1]
_SLOW = 0.8  # of the timeout
_LATE_LOOP = 0.2  # of the timeout, less than the pauses of octets that dribble
# A client of event streams can't make sense of other bodies, but owes errors all the same.
_OWED_BY_STREAMS = (Outcome.ERROR, Outcome.TIMEOUT)


@dataclass
class Run:
    """One run of a check: what is planned, and what has been found so far.

    Attributes:
        planned: the modes, by slug.
        results: the reports of the modes, by slug and by the number of the repetition.
        doubtful: the cells that a busy machine may have spoilt.
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
    results: dict[str, dict[int, ModeReport]] = field(default_factory=dict)
    doubtful: list[Cell] = field(default_factory=list)
    traces: dict[str, Trace] = field(default_factory=dict)
    subject: Subject | None = None
    _lag: LagWatch = field(default_factory=LagWatch)
    _began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.planned = chosen(self.catalogue, self.options.suites, self.options.excluded)

    async def run(self) -> CheckReport:
        """Run everything, and return the report.

        Raises:
            ClientUnusable: the client can't be run, or fails against a healthy server.
        """
        self.lab.ledger.answer_octets = KEPT_OCTETS
        async with open_client(self.tested, self.options, self.lab, self.trust) as client:
            self.subject = await meet(
                client, self.tested, self.options, self.lab, dict(self.catalogue), self.trust
            )
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._lag.run)
                await self._play_everything(self._cells())
                nursery.cancel_scope.cancel()
        return self.report(complete=True)

    def report(self, *, complete: bool) -> CheckReport:
        """Return the report of what has been found so far."""
        return finished_report(
            self.tested,
            self.options,
            self.subject,
            {
                slug: list(self.results[slug].values())
                for slug in self.planned
                if slug in self.results
            },
            self.traces,
            monotonic() - self._began,
            complete=complete,
        )

    def _cells(self) -> list[Cell]:
        """Return the cells to play, and record the modes that do not apply."""
        cells: list[Cell] = []
        for slug, mode in self.planned.items():
            if missing := self._missing(mode):
                self.results[slug] = {0: lacking(mode, missing)}
            else:
                cells += self._cells_of(mode)
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

    async def _play_everything(self, cells: list[Cell]) -> None:
        """Play all cells, phase by phase, and those again that a busy machine may have spoilt."""
        done = 0
        for outcomes in _PHASES:
            phase = [cell for cell in cells if cell.mode.client.outcome in outcomes]
            await self._play_all(phase, self.options.jobs, done, len(cells))
            done += len(phase)
        again, self.doubtful = self.doubtful, []
        await self._play_all(again, ALONE, done, done + len(again), again=True)

    async def _play_all(
        self, cells: list[Cell], jobs: int, done: int, of: int, *, again: bool = False
    ) -> None:
        room = trio.CapacityLimiter(jobs)

        async def one(cell: Cell) -> None:
            nonlocal done
            async with room:
                report = await self._play(cell, again=again)
            self.results.setdefault(cell.mode.slug, {})[cell.run] = report
            done += 1
            self.on_progress(done, of, cell.mode.slug, report)

        async with trio.open_nursery() as nursery:
            for cell in cells:
                await trio.lowlevel.checkpoint()
                nursery.start_soon(one, cell)

    async def _play(self, cell: Cell, *, again: bool) -> ModeReport:
        assert self.subject is not None
        # A repetition has a nonce of its own.
        played = replace(cell, run=cell.run + self.options.repeat) if again else cell
        if cell.mode.control and not await self._accepts_control(played):
            self.doubtful.append(cell)
            why = "The client refuses its control, in which the fault is mended."
            return lacking(cell.mode, why)
        began = trio.current_time()
        facts = await play(
            played, self.lab, self.subject, door_kind=self.options.door, file=self.file
        )
        report = mode_report(facts, *grade(facts), played.arguments(self.subject.times))
        if self._is_doubtful(cell.mode, report, began):
            self.doubtful.append(cell)
        self.traces[cell.mode.slug] = Trace.of(facts)
        return report

    async def _accepts_control(self, cell: Cell) -> bool:
        """Let the client meet the mode without its fault, with a timeout that a busy machine keeps."""
        assert self.subject is not None
        patient = replace(self.subject, times=Times(max(self.options.timeout, PROBE_SECONDS)))
        control = replace(cell, is_control=True)
        facts = await play(control, self.lab, patient, door_kind=self.options.door)
        return is_accepted(facts)

    def _is_doubtful(self, mode: FailureMode, report: ModeReport, began: float) -> bool:
        """Return True if a busy machine may be to blame for a finding."""
        if self._lag.worst(began) > _LATE_LOOP * self.options.timeout:
            return True
        is_slow = (report.ms or 0) >= 1000 * _SLOW * self.options.timeout
        may_be_blamed = report.finding in _AGAIN_IF_SLOW and mode.client.outcome in _QUICK
        return report.finding in _AGAIN or (is_slow and may_be_blamed)
