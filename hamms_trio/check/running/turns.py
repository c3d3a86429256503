"""The turns of a cell: which verdicts a busy machine may have spoilt, and how such a cell is played again.

Why this is hard: a verdict is about a client, but the client, the lab and everybody else share the processors.
A client that waits for one may run into its own timeout, and a lab that waits may send an octet too late. So a
cell in which time may have decided is played again with times that are several times as long. If the machine was
to blame, the longer times suffice; if the client waits for what never comes, the longer times pass as well. A
client that still waited when it was stopped is met again alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.running.cells import Cell
from hamms_trio.check.verdicts import Finding
from hamms_trio.modes.model.expectation import Outcome

MOST_TURNS = 4
LONGER = 4.0  # times as long, from one turn to the next that needs longer times
LONGEST = 16.0
SLOW = 0.8  # of the timeout
LATE_LOOP = 0.2  # of the timeout
# Octets that dribble come each quarter of the timeout, so a lab that is late by half of it trips none.
LATE_DRIBBLE = 0.5
# Of a client's time: longer times prove nothing yet if processors were missing for more.
LACKING = 0.5
_ALONE = (Finding.HANG, Finding.LATE, Finding.RESOURCES, Finding.SPINS)
# A client that delivers a whole body was not ended by a timeout.
_DELIVERED = (Finding.OK, Finding.LENIENT, Finding.POLICY)
_REFUSED_AT_FIRST = ("tcp-refused-at-first",)
_NOT_RETRIED = (Finding.NO_RETRY, Finding.NOT_FIRED)


@dataclass(frozen=True)
class Turn:
    """One time that a cell is played.

    Attributes:
        number: 0 for the first turn.
        patience: by how much all times are multiplied.
        is_alone: True if nothing else may run meanwhile.
    """

    cell: Cell
    number: int = 0
    patience: float = 1.0
    is_alone: bool = False

    def played(self, repeat: int) -> Cell:
        """Return the cell with a number, and so a nonce, that no other turn has."""
        return replace(self.cell, run=self.cell.run + self.number * repeat)

    @property
    def is_last(self) -> bool:
        return self.number + 1 >= MOST_TURNS

    def again(self, *, longer: bool, is_alone: bool = False) -> Turn | None:
        """Return the next turn; None after the last one."""
        if self.is_last:
            return None
        patience = min(LONGEST, self.patience * LONGER) if longer else self.patience
        return Turn(self.cell, self.number + 1, patience, is_alone)


def is_late(late: float, timeout: float) -> bool:
    """Return True if the lab, or the client, waited too long for a processor; ``timeout`` is that of the turn."""
    return late > LATE_LOOP * timeout


def next_turn(
    turn: Turn, facts: Facts, finding: Finding, *, late: float, waited: float, start_up: float
) -> Turn | None:
    """Return the turn that decides instead of this one, or None if this one counts.

    Args:
        late: seconds by which the lab was late at most meanwhile.
        waited: seconds for which the lab was ready to run, and had no processor.
        start_up: seconds that the client takes to start.
    """
    if finding in _ALONE:
        if not turn.is_alone:
            return turn.again(longer=False, is_alone=True)
        is_timed = finding in (Finding.HANG, Finding.LATE) and turn.patience == 1
        is_excused = is_timed and _waited_for_processors(facts, max(late, waited))
        if is_excused or _may_be_chance(turn, facts, finding):
            return turn.again(longer=is_excused, is_alone=True)
        return None
    is_about_time = facts.mode.client.outcome is Outcome.TIMEOUT
    if late > (LATE_DRIBBLE if is_about_time else LATE_LOOP) * facts.timeout:
        return turn.again(longer=True)
    if _is_unproved(facts, finding) and turn.number == 0:
        return turn.again(longer=True)
    is_proved = turn.patience > 1 and not _lacked_processors(facts, waited)
    if _timed_out(facts, finding, start_up) and not is_proved:
        return turn.again(longer=True)
    return None


def _may_be_chance(turn: Turn, facts: Facts, finding: Finding) -> bool:
    """Return True if a hang may be a race within the client: one where nothing has to wait is met alone twice."""
    return (
        finding is Finding.HANG
        and facts.mode.client.outcome is not Outcome.TIMEOUT
        and turn.number == 1
    )


def _lacked_processors(facts: Facts, lab: float) -> bool:
    return lab + (facts.visit.waited or 0.0) > LACKING * facts.visit.seconds


def _waited_for_processors(facts: Facts, lab: float) -> bool:
    """Return True if the client would have been in time, had a processor been free whenever one was wanted."""
    waited = lab + (facts.visit.waited or 0.0)
    return facts.visit.seconds - waited <= facts.late


def _timed_out(facts: Facts, finding: Finding, start_up: float) -> bool:
    """Return True if the client's own timeout may have decided, where nothing says that it has to."""
    outcome = facts.mode.client.outcome
    answer = facts.answers[-1] if facts.answers else None
    if not facts.has_timeout or outcome is Outcome.TIMEOUT:
        return False
    if outcome is Outcome.RETRY and finding not in _NOT_RETRIED:
        return False
    if answer is not None and answer.ok and finding in _DELIVERED:
        return False
    slowest = max((each.seconds for each in facts.answers), default=facts.visit.seconds)
    return slowest >= SLOW * facts.timeout + start_up / 2


def _is_unproved(facts: Facts, finding: Finding) -> bool:
    """Return True if a client succeeded at once where the first attempt has to fail; it may have come too late."""
    is_first = facts.attempts <= len(facts.calls)
    return facts.slug in _REFUSED_AT_FIRST and finding is Finding.OK and is_first
