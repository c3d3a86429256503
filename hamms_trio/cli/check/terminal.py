"""The report of a check for people: counts by family, each finding with its evidence, and what was inferred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext

import click
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hamms_trio.check.baseline import Comparison
from hamms_trio.check.report import CheckReport, ModeReport
from hamms_trio.check.verdicts import FINDINGS

_STYLES = {
    "PASS": "green",
    "INFO": "cyan",
    "N/A": "dim",
    "WARN": "yellow",
    "FAIL": "red",
    "CRASH": "bold red",
}
_MARKS = {"PASS": "✓", "INFO": "i", "N/A": "-", "WARN": "!", "FAIL": "✗", "CRASH": "✗✗"}
_EXCERPT_LINES = 8
WIDTH = 100


def console() -> Console:
    """Return a console on the standard output; one that is no terminal gets plain text."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=WIDTH, no_color=True, highlight=False)


def show(report: CheckReport, comparison: Comparison | None = None) -> None:
    """Print the whole report."""
    out = console()
    with nullcontext() if out.is_terminal else out.capture() as captured:
        for part in _parts(report, comparison):
            out.print(part, highlight=False)
    if captured is not None:  # rich fills each line with spaces, which have no place in a file
        for line in captured.get().splitlines():
            click.echo(line.rstrip())


def _parts(report: CheckReport, comparison: Comparison | None) -> Iterator[RenderableType]:
    version = report.client.version.partition(" (")[0]  # curl adds all its libraries
    version = f" ({version})" if version else ""
    suites = ", ".join(report.suite)
    yield Text(
        f"{report.client.name}{version}: suite {suites}, timeout {report.timeout:g} s", "bold"
    )
    yield _families(report)
    for slug, mode in report.failures().items():
        yield _finding(slug, mode, comparison)
    if unmet := _reasons_not_to_apply(report):
        yield Text("Not applicable", "bold")
        yield unmet
    if report.inferred:
        yield Text("Inferred behaviour", "bold")
        yield _inferred(report)
    if report.badges:
        yield _badges(report)
    if comparison is not None:
        for title, slugs in comparison.titled():
            yield Text(f"{title}: {', '.join(slugs)}")
    yield _summary(report)


def _families(report: CheckReport) -> Table:
    table = Table.grid(padding=(0, 2))
    for family, modes in report.of_family():
        counts: Counter[str] = Counter(mode.verdict for mode in modes.values())
        cells = (
            Text(f"{_MARKS[verdict]} {counts[verdict]}" if counts[verdict] else "", style)
            for verdict, style in _STYLES.items()
        )
        table.add_row(family, *cells)
    return table


def _finding(slug: str, mode: ModeReport, comparison: Comparison | None) -> RenderableType:
    known = ", known" if comparison is not None and comparison.excuses(slug) else ""
    flaky = f", FLAKY ({', '.join(mode.runs)})" if mode.flaky else ""
    title = (
        f"{_MARKS[mode.verdict]} {mode.verdict} {mode.class_} ({mode.code}{known}{flaky})  {slug}"
    )
    explained = {
        "Server": mode.summary,
        "Client": mode.evidence,
        "Finding": FINDINGS[mode.class_].meaning,
        "Expected": f"{mode.expected} ({mode.source})" if mode.source else mode.expected,
    }
    table = Table.grid(padding=(0, 2))
    for word, sentence in explained.items():
        if sentence:
            table.add_row(Text(word, "dim"), Text(_plain(sentence)))
    lines: list[RenderableType] = [table]
    lines += [Text(link, "dim") for link in mode.issues[:2]]
    if mode.wire:
        shown = mode.wire.split("\n")
        rest = ["..."] if len(shown) > _EXCERPT_LINES else []
        lines.append(Padding(Text("\n".join(shown[:_EXCERPT_LINES] + rest), "cyan"), (0, 0, 0, 2)))
    lines.append(Text(f"reproduce: {mode.reproduce}", "dim"))
    return Group(Text(title, _STYLES[mode.verdict]), Padding(Group(*lines), (0, 0, 0, 4)))


def _reasons_not_to_apply(report: CheckReport) -> Table | None:
    """List how many modes do not apply for each reason, which often names what would make them apply."""
    reasons = Counter(mode.evidence for mode in report.modes.values() if mode.verdict == "N/A")
    if not reasons:
        return None
    table = Table.grid(padding=(0, 2))
    for reason, number in reasons.most_common():
        table.add_row(Text(f"{number:>4}"), Text(_plain(reason), "dim"))
    return table


def _inferred(report: CheckReport) -> Table:
    table = Table.grid(padding=(0, 2))
    for topic, inference in report.inferred.items():
        confidence = f"{inference.confidence:.0%}"
        table.add_row(
            f"  {topic}", inference.value, confidence, Text("; ".join(inference.evidence), "dim")
        )
    return table


def _badges(report: CheckReport) -> Text:
    words = (
        Text(
            f"{_MARKS['PASS'] if earned else _MARKS['FAIL']} {badge}   ",
            "green" if earned else "red",
        )
        for badge, earned in report.badges.items()
    )
    return Text.assemble(*words)


def _summary(report: CheckReport) -> Text:
    counts = report.summary
    end = "" if counts.complete else "Interrupted: this is what was found so far. "
    return Text(
        f"{end}{counts.passed} passed, {counts.warned} warned, {counts.failed} failed, {counts.crashed} crashed, "
        f"{counts.info} for information, {counts.not_applicable} not applicable"
        f"{f', {counts.flaky} flaky' if counts.flaky else ''}; score {counts.score:g} of 100 "
        f"in {counts.seconds:g} s (seed {report.seed})",
        "bold",
    )


def _plain(text: str) -> str:
    """Return text of the client without control characters."""
    return "".join(each if each.isprintable() else "?" for each in text)
