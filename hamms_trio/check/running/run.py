"""The run of a check, from the control to the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic

import trio

from hamms_trio.check.client import Lines, Tested
from hamms_trio.check.clients.family import own_processor_wait
from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.grading.grade import grade, is_accepted
from hamms_trio.check.infer.trace import Trace
from hamms_trio.check.plan.arguments import CheckTimes
from hamms_trio.check.plan.needs import Need, needs_of
from hamms_trio.check.plan.suites import chosen
from hamms_trio.check.report import CheckReport, ModeReport
from hamms_trio.check.running.cells import STREAMS, Cell, Trust, play
from hamms_trio.check.running.lab import CHECKED_ANSWER_OCTETS, CheckedLab
from hamms_trio.check.running.lag import LagWatch
from hamms_trio.check.running.options import (
    DRIVERS_AT_ONCE,
    OnProgress,
    Options,
    no_progress,
)
from hamms_trio.check.running.reporting import finished_report, lacking, mode_report
from hamms_trio.check.running.subject import PROBE_SECONDS, Subject, meet, open_client
from hamms_trio.check.running.turns import SLOW, Turn, is_late, next_turn
from hamms_trio.modes import FailureMode
from hamms_trio.modes.model.expectation import Outcome

TOGETHER = 4  # cells at once that are played again with longer times, while nothing else runs
# Those that wait come first, and those that take most of the processor last, when no clock runs any more.
_PHASES = (
    (Outcome.TIMEOUT, Outcome.RETRY),
    (Outcome.ERROR, Outcome.EXACT, Outcome.ERROR_OR_EXACT, Outcome.POLICY),
    (Outcome.BOUNDED,),
)
# A client of event streams can't make sense of other bodies, but owes errors all the same.
_OWED_BY_STREAMS = (Outcome.ERROR, Outcome.TIMEOUT)
_ANSWERED_WHOLE = ("tcp-slow-read", "range-206-unasked")  # by what is no stream
_REFUSES_CONTROL = "The client refuses its control, in which the fault is mended."


@dataclass
class Run:
    """One run of a check: what is planned, and what has been found so far.

    Attributes:
        planned: the modes, by slug.
        results: the reports of the modes, by slug and by the number of the repetition.
        again: the turns that decide instead of those that a busy machine may have spoilt.
        traces: of the cells, for inferences; those of a busy machine only where there are no others.
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
    again: list[Turn] = field(default_factory=list)
    traces: dict[str, Trace] = field(default_factory=dict)
    subject: Subject | None = None
    _spoilt: set[str] = field(default_factory=set)
    _lag: LagWatch = field(default_factory=LagWatch)
    _began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.planned = chosen(self.catalogue, self.options.suites, self.options.excluded)

    async def run(self) -> CheckReport:
        """Run everything, and return the report.

        Raises:
            ClientUnusable: the client can't be run, or fails against a healthy server.
        """
        self.lab.ledger.answer_octets = CHECKED_ANSWER_OCTETS
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
            return f"The mode needs a client that {missing[0].value}."
        is_foreign = self.subject.shape and mode.family not in STREAMS
        is_owed = mode.client.outcome in _OWED_BY_STREAMS and mode.slug not in _ANSWERED_WHOLE
        if is_foreign and not is_owed:
            return "A client of event streams can't make sense of its body."
        if mode.slug.startswith("redirect") and Need.REDIRECT not in self.subject.has:
            return "The mode needs a client that follows redirects."
        return ""

    async def _play_everything(self, cells: list[Cell]) -> None:
        """Play all cells, phase by phase, and those again that a busy machine may have spoilt."""
        done = 0
        for outcomes in _PHASES:
            phase = [Turn(cell) for cell in cells if cell.mode.client.outcome in outcomes]
            await self._play_all(phase, self._jobs, done, len(cells))
            done += len(phase)
        while self.again:
            again, self.again = self.again, []
            alone = [turn for turn in again if turn.is_alone]
            others = [turn for turn in again if not turn.is_alone]
            of = done + len(again)
            await self._play_all(others, min(TOGETHER, self._jobs), done, of)
            await self._play_all(alone, 1, done + len(others), of)
            done = of

    @property
    def _jobs(self) -> int:
        """How many cells run at once: no more than there are programs, since a cell's time begins with its door."""
        most = DRIVERS_AT_ONCE if isinstance(self.tested, Lines) else self.options.jobs
        return min(most, self.options.jobs)

    async def _play_all(self, turns: list[Turn], jobs: int, done: int, of: int) -> None:
        room = trio.CapacityLimiter(jobs)

        async def one(turn: Turn) -> None:
            nonlocal done
            async with room:
                report = await self._play(turn)
            self.results.setdefault(turn.cell.mode.slug, {})[turn.cell.run] = report
            done += 1
            self.on_progress(done, of, turn.cell.mode.slug, report)

        async with trio.open_nursery() as nursery:
            for turn in turns:
                await trio.lowlevel.checkpoint()
                nursery.start_soon(one, turn)

    async def _play(self, turn: Turn) -> ModeReport:
        """Play one turn of a cell, and order the next one if this one does not count."""
        assert self.subject is not None
        played = turn.played(self.options.repeat)
        began = trio.current_time()
        if turn.cell.mode.control and not await self._accepts_control(turn, played):
            return lacking(turn.cell.mode, _REFUSES_CONTROL)
        subject = replace(self.subject, times=self.subject.times.longer(turn.patience))
        waited = own_processor_wait()
        facts = await play(
            played,
            self.lab,
            subject,
            door_kind=self.options.door,
            file=self.file,
            is_fresh=turn.is_alone,
        )
        finding, evidence = grade(facts)
        late = self._lag.worst(began)
        waited = own_processor_wait() - waited
        start_up = self.subject.times.start_up
        again = next_turn(turn, facts, finding, late=late, waited=waited, start_up=start_up)
        is_longer = again is not None and again.patience > turn.patience
        is_spoilt = is_longer or is_late(late, facts.timeout)
        self._keep_trace(facts, turn.patience, is_spoilt=is_spoilt)
        if again is not None:
            self.again.append(again)
        report = mode_report(facts, finding, evidence, played.arguments(subject.times))
        return self._settled(turn, report)

    def _settled(self, turn: Turn, report: ModeReport) -> ModeReport:
        """Return the report of the usual times, where longer ones lead to the same class."""
        before = self.results.get(turn.cell.mode.slug, {}).get(turn.cell.run)
        is_same = before is not None and before.class_ == report.class_
        return before if before is not None and is_same and turn.patience > 1 else report

    def _keep_trace(self, facts: Facts, patience: float, *, is_spoilt: bool) -> None:
        slug = facts.slug
        if slug not in self.traces or slug in self._spoilt:
            self.traces[slug] = Trace.of(facts, patience=patience)
            (self._spoilt.add if is_spoilt else self._spoilt.discard)(slug)

    async def _accepts_control(self, turn: Turn, played: Cell) -> bool:
        """Let the client meet the mode without its fault; a slow machine must not make that fail."""
        assert self.subject is not None
        timeout = max(self.options.timeout, PROBE_SECONDS) * turn.patience
        patient = replace(self.subject, times=CheckTimes(timeout, self.subject.times.start_up))
        control = replace(played, is_control=True)
        began = trio.current_time()
        facts = await play(control, self.lab, patient, door_kind=self.options.door)
        if is_accepted(facts):
            return True
        is_spoilt = is_late(self._lag.worst(began), timeout)
        again = turn.again(longer=True)
        if again is not None and (is_spoilt or facts.visit.seconds >= SLOW * timeout):
            self.again.append(again)
        return False
