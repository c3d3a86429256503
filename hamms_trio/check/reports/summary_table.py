"""Several reports as one table in Markdown: how many modes each client passes."""

from __future__ import annotations

from hamms_trio.check.report import CheckReport
from hamms_trio.check.reports.markdown import escaped, table
from hamms_trio.check.reports.versions import short_version
from hamms_trio.check.reports.withholding import Matrix, applicable

_HEAD = ("client", "version", "score", "passed", "warned", "failed", "crashed", "not applicable")


def matrix_markdown(matrix: Matrix) -> str:
    """Return a row for each client, the counts of its verdicts, and what is withheld."""
    badges = list(dict.fromkeys(name for report in matrix.reports for name in report.badges))
    text = table((*_HEAD, *badges), (_row(report, badges) for report in matrix.reports)) + "\n"
    if matrix.withheld:
        text += (
            f"\nWithheld modes: {len(matrix.withheld)}. In each of them, a finding about some client looks like a "
            "security problem, which its authors have to know first.\n"
        )
    return text


def _row(report: CheckReport, badges: list[str]) -> list[str]:
    counts = report.summary
    interrupted = "" if counts.complete else " (interrupted)"
    return [
        escaped(report.client.name) + interrupted,
        escaped(short_version(report.client.version)),
        f"{counts.score:.0f}",
        f"{counts.passed} of {applicable(report)}",
        *(str(number) for number in (counts.warned, counts.failed, counts.crashed)),
        str(counts.not_applicable),
        *({True: "yes", False: "no", None: ""}[report.badges.get(name)] for name in badges),
    ]
