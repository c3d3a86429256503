"""The report as Markdown, for the summary of a CI job or a comment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from hamms_trio.check.baseline import Comparison
from hamms_trio.check.report import CheckReport, ModeReport

MOST_DETAILS = 30  # failures that are described; GitHub cuts a summary at 1 MiB
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")
_VERDICTS = ("PASS", "WARN", "FAIL", "CRASH", "N/A", "INFO")


def markdown(report: CheckReport, comparison: Comparison | None = None) -> str:
    """Return the summary, the families, the changes, and the failures, the worst first."""
    parts = [
        f"## hamms-trio check: {escaped(_title(report))}",
        _sentence(report),
        _badges(report.badges),
        _families(report),
        _changes(comparison),
        _failures(report, comparison),
        _inferred(report),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def escaped(text: str) -> str:
    """Return the text so that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _title(report: CheckReport) -> str:
    return " ".join(filter(None, (report.client.name, report.client.version)))


def _sentence(report: CheckReport) -> str:
    summary = report.summary
    counts = [
        (summary.passed, "passed"),
        (summary.warned, "with a warning"),
        (summary.failed, "failed"),
        (summary.crashed, "crashed"),
        (summary.not_applicable, "not applicable"),
        (summary.info, "for information"),
        (summary.flaky, "flaky"),
    ]
    told = ", ".join(f"{number} {name}" for number, name in counts if number)
    interrupted = "" if summary.complete else " **The run was interrupted.**"
    return f"**{summary.score:.0f} of 100**: {told}, in {summary.seconds:.1f} s.{interrupted}"


def _badges(badges: Mapping[str, bool]) -> str:
    return " · ".join(f"{'✓' if earned else '✗'} {name}" for name, earned in badges.items())


def _families(report: CheckReport) -> str:
    rows = []
    for family, modes in report.of_family():
        counts = Counter[str](mode.verdict for mode in modes.values())
        rows.append([f"`{family}`", *(str(counts[verdict] or "") for verdict in _VERDICTS)])
    return table(("family", *_VERDICTS), rows) if rows else ""


def _changes(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    parts = [
        f"**{title}**: {', '.join(f'`{slug}`' for slug in slugs)}"
        for title, slugs in comparison.titled()
    ]
    return "\n\n".join(parts) or "Nothing was found, and the baseline expects nothing."


def _failures(report: CheckReport, comparison: Comparison | None) -> str:
    found = {
        slug: mode
        for slug, mode in report.failures().items()
        if comparison is None or not comparison.excuses(slug)
    }
    shown = list(found.items())[:MOST_DETAILS]
    parts = [_details(slug, mode) for slug, mode in shown]
    if len(found) > len(shown):
        parts.append(f"{len(found) - len(shown)} more findings are in the JSON report.")
    return "\n\n".join(parts)


def _details(slug: str, mode: ModeReport) -> str:
    flaky = ", flaky" if mode.flaky else ""
    lines = [
        f"<details><summary><b>{mode.verdict} {mode.class_}</b>{flaky}: <code>{slug}</code></summary>",
        "",
        f"{escaped(mode.evidence)}",
        "",
        *([f"- server: {escaped(mode.summary)}"] if mode.summary else []),
        f"- expected: {escaped(mode.expected)}" + (f" ({mode.source})" if mode.source else ""),
        f"- code {mode.code}, {mode.attempts} attempts"
        + ("" if mode.ms is None else f", {mode.ms} ms"),
        *(f"- reported: {issue}" for issue in mode.issues),
        *_code("reproduce", mode.reproduce),
        *_code("wire", mode.wire),
        "",
        "</details>",
    ]
    return "\n".join(lines)


def _code(name: str, text: str) -> list[str]:
    """Return a fenced block; the fence is longer than any in the text (CommonMark §4.5)."""
    if not text:
        return []
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return ["", f"{name}:", "", f"{fence}text", text, fence]


def _inferred(report: CheckReport) -> str:
    rows = [
        (f"`{topic}`", escaped(found.value), f"{found.confidence:.0%}")
        for topic, found in report.inferred.items()
    ]
    if not rows:
        return ""
    return "### Behaviour, as seen\n\n" + table(("topic", "seen", "confidence"), rows)
