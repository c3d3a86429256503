"""Baselines: the findings about a client that its authors know, and how a new report differs from them.

The file is an object by slug: ``{"frame-cl-short-fin": {"verdict": "FAIL", "class": "truncated", "reason": "...",
"until": "2027-01-31"}}``. An entry with ``"flaky": true`` also permits that the client passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path

import msgspec

from hamms_trio.check.report import CheckReport, ModeReport
from hamms_trio.check.verdicts import FINDINGS
from hamms_trio.errors import HammsError


class BaselineUnusable(HammsError, ValueError):
    """A baseline can't be read."""


class Entry(msgspec.Struct, frozen=True, rename={"class_": "class"}, omit_defaults=True):
    """A known finding.

    Attributes:
        verdict: the verdict that the finding led to.
        class_: the finding's class, such as ``truncated``.
        reason: a note for people.
        until: the last day on which the entry counts; None for ever.
        flaky: True if the client passes at times.
    """

    verdict: str
    class_: str
    reason: str = ""
    until: date | None = None
    flaky: bool = False

    @property
    def rank(self) -> int:
        return FINDINGS[self.class_].rank


Baseline = dict[str, Entry]


class Change(Enum):
    """How the verdict on a mode relates to the baseline."""

    NEW = "a finding that the baseline does not have"
    WORSE = "a worse finding than the baseline has"
    IMPROVED = "a lesser finding than the baseline has"
    STALE = "the baseline has a finding, but the client passes"
    EXPIRED = "the baseline's entry has expired"
    KNOWN = "a known failure"
    KNOWN_FLAKY = "known to be flaky"

    @property
    def is_regression(self) -> bool:
        return self in (Change.NEW, Change.WORSE)

    @property
    def is_excused(self) -> bool:
        """True if the finding does not count against the client."""
        return self in (Change.KNOWN, Change.KNOWN_FLAKY, Change.IMPROVED)

    @property
    def is_error(self) -> bool:
        """True if the baseline itself has to be corrected."""
        return self in (Change.STALE, Change.EXPIRED)


_TITLES = {
    Change.NEW: "New findings",
    Change.WORSE: "Worse than the baseline",
    Change.STALE: "Stale entries of the baseline: remove them, since the client passes",
    Change.EXPIRED: "Expired entries of the baseline",
    Change.IMPROVED: "Better than the baseline: --update-baseline records it",
    Change.KNOWN: "Known failures",
    Change.KNOWN_FLAKY: "Known to be flaky",
}


@dataclass(frozen=True)
class Comparison:
    """A report beside a baseline; modes without a finding on either side are left out."""

    changes: Mapping[str, Change]

    def of(self, *kinds: Change) -> list[str]:
        """List the modes whose change is one of these."""
        return [slug for slug, change in self.changes.items() if change in kinds]

    def titled(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the modes of each change under a title, those that need an answer first."""
        for change, title in _TITLES.items():
            if slugs := self.of(change):
                yield title, slugs

    def excuses(self, slug: str) -> bool:
        """Return True if the baseline covers the finding about this mode."""
        change = self.changes.get(slug)
        return change is not None and change.is_excused


class FailOn(Enum):
    """The threshold at which a run fails; the value is the word of the option."""

    CRASH = "crash"
    SILENT = "silent"
    FAIL = "fail"
    WARN = "warn"
    REGRESSION = "regression"

    def blames(self, mode: ModeReport) -> bool:
        """Return True if the verdict is at or above this threshold."""
        if self is FailOn.CRASH:
            return mode.verdict == "CRASH"
        return mode.rank >= _RANKS[self]


# Silent damage: the caller takes something for the whole answer that is not, or gives a secret away.
_RANKS = {FailOn.SILENT: 5, FailOn.FAIL: 2, FailOn.WARN: 1, FailOn.REGRESSION: 1}


def read_baseline(path: Path) -> Baseline:
    """Read a baseline; a file that does not exist yet is an empty one.

    Raises:
        BaselineUnusable: the file can't be read, or is no baseline.
    """
    try:
        entries = msgspec.json.decode(path.read_bytes(), type=Baseline)
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise BaselineUnusable(f"{path} is no baseline: {error}") from error
    for slug, entry in entries.items():
        if entry.class_ not in FINDINGS:
            raise BaselineUnusable(
                f"{path}: {slug} has the unknown class {entry.class_!r}: give one of {', '.join(FINDINGS)}"
            )
    return entries


def compare(report: CheckReport, baseline: Baseline, *, today: date | None = None) -> Comparison:
    """Compare each verdict with the baseline; entries of modes that were not run are ignored."""
    day = today or date.today()
    changes = {
        slug: change
        for slug, mode in report.modes.items()
        if (change := _change(mode, baseline.get(slug), day)) is not None
    }
    return Comparison(changes)


def _change(mode: ModeReport, entry: Entry | None, day: date) -> Change | None:
    if entry is None:
        return Change.NEW if mode.rank else None
    if mode.verdict == "N/A":
        return None  # nothing was observed, so nothing can be compared
    if entry.until is not None and entry.until < day and (mode.rank or not entry.flaky):
        return Change.EXPIRED if mode.rank else Change.STALE
    if mode.rank > entry.rank or (mode.rank == entry.rank and mode.class_ != entry.class_):
        return Change.WORSE
    if entry.flaky:
        return Change.KNOWN_FLAKY
    if not mode.rank:
        return Change.STALE
    return Change.KNOWN if mode.rank == entry.rank else Change.IMPROVED


def offenders(
    report: CheckReport, fail_on: FailOn = FailOn.FAIL, comparison: Comparison | None = None
) -> list[str]:
    """List the modes that fail the run: findings that the baseline does not excuse, and its own errors."""
    if comparison is None:
        return [slug for slug, mode in report.modes.items() if fail_on.blames(mode)]
    return [
        slug
        for slug, mode in report.modes.items()
        if (slug in comparison.changes and comparison.changes[slug].is_error)
        or (fail_on.blames(mode) and not comparison.excuses(slug))
    ]


def updated(baseline: Baseline, report: CheckReport) -> Baseline:
    """Return the baseline that fits a report; reasons and dates of findings that remain are kept.

    Entries of modes that were not run, or could not be judged, stay as they are.
    """
    entries: Baseline = {}
    for slug, mode in report.modes.items():
        known = baseline.get(slug)
        if mode.rank:
            entries[slug] = _entry(mode, known)
        elif known is not None and (mode.verdict == "N/A" or known.flaky):
            entries[slug] = known
    entries.update((slug, entry) for slug, entry in baseline.items() if slug not in report.modes)
    return entries


def _entry(mode: ModeReport, known: Entry | None) -> Entry:
    if known is None:
        return Entry(mode.verdict, mode.class_, flaky=mode.flaky)
    return msgspec.structs.replace(
        known, verdict=mode.verdict, class_=mode.class_, flaky=known.flaky or mode.flaky
    )


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write the file in one step, so that a reader never finds half of it.

    Raises:
        BaselineUnusable: the file can't be written.
    """
    data = msgspec.json.format(msgspec.json.encode(baseline), indent=2) + b"\n"
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise BaselineUnusable(f"can't write {path}: {error.strerror}") from error
