"""Several reports side by side, and which of their rows are shown.

A finding that looks like a security problem is not published by name before its authors had time to answer. So the
whole row of such a mode is withheld, for every client: a single cell that is missing would tell the name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from hamms_trio.check.report import CheckReport
from hamms_trio.check.running.reporting import summary_of
from hamms_trio.check.verdicts import Finding, Verdict

SECURITY = frozenset(
    finding.label for finding in (Finding.INJECTED, Finding.LEAK, Finding.INSECURE, Finding.CRASH)
)
_TELLING_BADGES = frozenset(("no injection",))
_TELLING_TOPICS = ("tls",)  # the beginnings of what inferences would tell


@dataclass(frozen=True)
class Matrix:
    """Reports of several clients.

    Attributes:
        withheld: the family of each mode whose row is not shown, by its slug.
    """

    reports: tuple[CheckReport, ...]
    withheld: dict[str, str]

    @property
    def families(self) -> dict[str, list[str]]:
        """The slugs of all rows by their family, in the order of the reports; those withheld are among them."""
        families: dict[str, list[str]] = {}
        for report in self.reports:
            for family, modes in report.of_family():
                rows = families.setdefault(family, [])
                rows += [slug for slug in modes if slug not in rows]
        for slug, family in self.withheld.items():
            families.setdefault(family, []).append(slug)
        return families


def withhold(reports: Iterable[CheckReport]) -> Matrix:
    """Return the reports without the rows in which any client has a finding that looks like a security problem.

    Scores, counts, badges and inferences are those of the rows that remain.
    """
    reports = tuple(reports)
    hidden = {
        slug: mode.family
        for report in reports
        for slug, mode in report.modes.items()
        if mode.class_ in SECURITY
    }
    return Matrix(tuple(_without(report, hidden) for report in reports), hidden)


def _without(report: CheckReport, hidden: dict[str, str]) -> CheckReport:
    modes = {slug: mode for slug, mode in report.modes.items() if slug not in hidden}
    summary = summary_of(modes, report.summary.seconds, complete=report.summary.complete)
    return msgspec.structs.replace(
        report,
        modes=modes,
        summary=summary,
        badges={name: won for name, won in report.badges.items() if name not in _TELLING_BADGES},
        inferred={
            topic: found
            for topic, found in report.inferred.items()
            if not topic.startswith(_TELLING_TOPICS)
        },
    )


def applicable(report: CheckReport) -> int:
    """Return how many modes count in the score."""
    return sum(
        mode.finding.verdict not in (Verdict.NOT_APPLICABLE, Verdict.INFO)
        for mode in report.modes.values()
    )
