"""The detail of one cell: a sentence, the numbers that prove it, and how to see the same."""

from __future__ import annotations

import re
from html import escape

from hamms_trio.check.baseline import Change
from hamms_trio.check.report import CheckReport, ModeReport
from hamms_trio.check.reports.page.marks import glyph, mark_of

_RFC = re.compile(r"RFC (\d+)(?: §(\d+(?:\.\d+)*))?")


def detail(
    anchor: str, report: CheckReport, slug: str, mode: ModeReport, change: Change | None
) -> str:
    """Return the panel that a cell opens."""
    mark = mark_of(mode)
    facts = {
        "client": escape(f"{report.client.name} {report.client.version}".strip()),
        "mode": f"<code>{escape(slug)}</code>{_arguments(mode)}",
        "server": escape(mode.summary),
        "expected": escape(mode.expected),
        "delivered": f"{mode.octets} octets" if mode.octets else "",
        "attempts": str(mode.attempts),
        "took": "" if mode.ms is None else f"{mode.ms} ms",
        "memory": "" if mode.rss is None else f"{mode.rss / 2**20:.1f} MiB",
        "runs": escape(", ".join(mode.runs)),
        "baseline": "" if change is None else escape(change.value),
        "code": mode.code,
    }
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items() if value)
    flaky = " · flaky" if mode.flaky else ""
    return (
        f'<article class="detail" id="{anchor}" aria-labelledby="{anchor}-h"><header>'
        f'<h2 id="{anchor}-h"><span class="cell {mark}">{glyph(mark)}</span> '
        f"{mode.verdict} {escape(mode.class_)}{flaky}</h2>"
        '<a class="close" href="#matrix" aria-label="Close the detail">&times;</a></header>'
        f'<p class="claim">{escape(mode.evidence or mode.finding.meaning)}</p>'
        f"<dl>{rows}</dl>{_source(mode)}{_reported(mode)}"
        f"{_code('Reproduce', mode.reproduce)}{_code('On the wire', mode.wire)}</article>"
    )


def _arguments(mode: ModeReport) -> str:
    given = " ".join(f"{name}={value}" for name, value in mode.arguments.items())
    return f" {escape(given)}" if given else ""


def _source(mode: ModeReport) -> str:
    if not mode.source:
        return ""
    return f"<p>{escape(mode.finding.meaning)} Source: {_linked(mode.source)}.</p>"


def _linked(source: str) -> str:
    def link(found: re.Match[str]) -> str:
        section = f"#section-{found[2]}" if found[2] else ""
        address = f"https://www.rfc-editor.org/rfc/rfc{found[1]}{section}"
        return f'<a href="{address}" rel="noreferrer">{found[0]}</a>'

    return _RFC.sub(link, escape(source))


def _reported(mode: ModeReport) -> str:
    """Link public reports; only an address of the web becomes a link."""
    links = ", ".join(
        f'<a href="{escape(issue)}" rel="noreferrer">{escape(issue.partition("//")[2])}</a>'
        for issue in mode.issues
        if issue.startswith(("https://", "http://"))
    )
    return f"<p>Reported: {links}</p>" if links else ""


def _code(title: str, text: str) -> str:
    if not text:
        return ""
    return f'<h3>{title}</h3><pre tabindex="0"><code>{escape(text)}</code></pre>'
