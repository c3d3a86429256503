"""The matrix of modes by clients, as one page that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

from hamms_trio.check.baseline import Change, Comparison
from hamms_trio.check.report import CheckReport, Inference, ModeReport
from hamms_trio.check.reports.page.details import detail
from hamms_trio.check.reports.page.marks import DRAWINGS, MARKS, glyph, mark_of, symbols
from hamms_trio.check.reports.versions import short_version
from hamms_trio.check.reports.withholding import Matrix

_FOLDER = Path(__file__).parent
_WORST_FIRST = tuple(reversed(DRAWINGS))
_CONFIDENT = (0.4, 0.7, 0.9)  # from which on a box is filled


def report_page(report: CheckReport, comparison: Comparison | None = None) -> str:
    """Return the page of one client, with its changes against the baseline."""
    changes = {} if comparison is None else dict(comparison.changes)
    return _page(Matrix((report,), {}), changes)


def matrix_page(matrix: Matrix) -> str:
    """Return the page of several clients."""
    return _page(matrix, {})


def _page(matrix: Matrix, changes: dict[str, Change]) -> str:
    style, script = _asset("page.css"), _asset("page.js")
    names = ", ".join(dict.fromkeys(report.client.name for report in matrix.reports))
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(names)} · hamms-trio check</title>
<style>{style}</style>
</head>
<body>
{symbols()}
<header class="top"><h1>hamms-trio check</h1><p>{_lead(matrix)}</p></header>
<main>
{_clients(matrix)}
{_tools(matrix)}
<div class="grid">
<section id="matrix" aria-label="Matrix of modes by clients">
<div class="box" tabindex="0">{_table(matrix, changes)}</div>
<p class="key">▲ worse than the baseline, ▽ better, ~ flaky. An empty cell was not run.{_note(matrix)}</p></section>
<aside>{"".join(_details(matrix, changes))}</aside>
</div>
{_behaviour(matrix)}
</main>
<script>{script}</script>
</body>
</html>
"""


@cache
def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _lead(matrix: Matrix) -> str:
    if len(matrix.reports) > 1:
        return "The weight of a cell says how bad it is, the shape says which kind."
    (report,) = matrix.reports
    worst = next(iter(report.failures().items()), None)
    if worst is None:
        return f"{escape(report.client.name)} did what it owes in every mode that applies."
    slug, mode = worst
    return f"{escape(mode.finding.meaning)} That is the worst finding, in <code>{slug}</code>."


def _note(matrix: Matrix) -> str:
    if not matrix.withheld:
        return ""
    return " A hatched row is withheld until the authors have had time to answer."


def _clients(matrix: Matrix) -> str:
    badges = list(dict.fromkeys(name for report in matrix.reports for name in report.badges))
    head = ("client", "version", "score", "passed", "warned", "failed", "crashed", "n/a", *badges)
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    rows = "".join(_client(report, badges) for report in matrix.reports)
    return (
        '<section class="clients"><div class="box"><table><caption>The clients, and how many modes each passes'
        f"</caption><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _client(report: CheckReport, badges: list[str]) -> str:
    counts = report.summary
    numbers = (
        f"{counts.score:.0f}",
        counts.passed,
        counts.warned,
        counts.failed,
        counts.crashed,
        counts.not_applicable,
    )
    cells = "".join(f'<td class="n">{number}</td>' for number in numbers)
    told = "".join(f"<td>{_earned(report.badges.get(name))}</td>" for name in badges)
    interrupted = "" if counts.complete else " (interrupted)"
    return (
        f'<tr><th scope="row">{escape(report.client.name)}{interrupted}</th>'
        f'<td title="{escape(report.client.version)}">{escape(short_version(report.client.version))}</td>'
        f"{cells}{told}</tr>"
    )


def _earned(badge: bool | None) -> str:
    return "" if badge is None else "yes" if badge else "<b>no</b>"


def _tools(matrix: Matrix) -> str:
    counts = Counter(mark_of(mode) for report in matrix.reports for mode in report.modes.values())
    boxes = "".join(
        f'<label><input type="checkbox" name="mark" value="{mark}" checked>'
        f'<span class="cell {mark}">{glyph(mark)}</span>{_words(mark)}<b class="n">{counts[mark]}</b></label>'
        for mark in _WORST_FIRST
        if counts[mark]
    )
    families = "".join(f"<option>{escape(family)}</option>" for family in matrix.families)
    differ = (
        '<label><input type="checkbox" id="differ">only rows that differ</label>'
        if len(matrix.reports) > 1
        else ""
    )
    return (
        '<form class="tools" hidden><label>family <select id="family"><option value="">all</option>'
        f'{families}</select></label><label class="find"><input type="search" id="find" '
        f'placeholder="mode, or RFC section" aria-label="Filter the rows"></label>{differ}'
        f"<fieldset><legend>verdicts</legend>{boxes}</fieldset></form>"
    )


def _words(mark: str) -> str:
    """Name the classes that share a mark."""
    return ", ".join(name for name, of in MARKS.items() if of == mark)


def _table(matrix: Matrix, changes: dict[str, Change]) -> str:
    columns = "".join(
        f'<th scope="col" class="col"><span><b>{escape(report.client.name)}</b> '
        f"<i>{escape(short_version(report.client.version))}</i></span></th>"
        for report in matrix.reports
    )
    width = len(matrix.reports) + 2
    bodies = "".join(
        f'<tbody data-family="{escape(family)}"><tr class="fam"><th scope="rowgroup" colspan="{width}">'
        f"<span>{escape(family)}</span></th></tr>"
        + "".join(_row(matrix, slug, changes.get(slug)) for slug in slugs)
        + "</tbody>"
        for family, slugs in matrix.families.items()
    )
    scores = "".join(f'<td class="sc">{r.summary.score:.0f}</td>' for r in matrix.reports)
    return (
        f'<table class="matrix"><thead><tr><th scope="col" class="corner">mode</th>'
        f'<th scope="col" class="n fails">fails</th>{columns}</tr></thead>{bodies}'
        f'<tfoot><tr><th scope="row" title="100 less the ranks found, over the modes that apply">score</th>'
        f'<td class="fails"></td>{scores}</tr></tfoot></table>'
    )


def _row(matrix: Matrix, slug: str, change: Change | None) -> str:
    name = f'<th scope="row">{escape(slug)}</th>'
    if slug in matrix.withheld:
        cells = '<td class="c held" title="withheld"></td>' * len(matrix.reports)
        return f'<tr class="held">{name}<td class="n fails"></td>{cells}</tr>'
    found = [report.modes.get(slug) for report in matrix.reports]
    cells = "".join(
        '<td class="c"></td>' if mode is None else _cell(matrix, number, slug, mode, change)
        for number, mode in enumerate(found)
    )
    marks = dict.fromkeys(mark_of(mode) for mode in found if mode is not None)
    fails = sum(mode is not None and mode.verdict in ("FAIL", "CRASH") for mode in found)
    source = next((mode.source for mode in found if mode is not None), "")
    return (
        f'<tr data-marks="{" ".join(marks)}" data-source="{escape(source)}">{name}'
        f'<td class="n fails">{fails or ""}</td>{cells}</tr>'
    )


def _cell(matrix: Matrix, number: int, slug: str, mode: ModeReport, change: Change | None) -> str:
    report = matrix.reports[number]
    name = f"{slug}, {report.client.name}: {mode.verdict} {mode.class_}"
    corner = "▲" if change and change.is_regression else "▽" if change is Change.IMPROVED else ""
    corner += "~" if mode.flaky else ""
    shown = glyph(mark_of(mode)) + (f'<i class="mk">{corner}</i>' if corner else "")
    if _has_detail(matrix, mode):
        inner = f'<a href="#{_anchor(number, slug)}" title="{escape(name)}">{shown}</a>'
    else:
        why = "" if mode.verdict == "PASS" else f". {mode.evidence}"
        inner = f'<span role="img" title="{escape(name + why)}">{shown}</span>'
    return f'<td class="c {mark_of(mode)}">{inner}</td>'


def _has_detail(matrix: Matrix, mode: ModeReport) -> bool:
    """Return True if the cell opens a detail; among several clients only findings do, or the page would be huge."""
    return len(matrix.reports) == 1 or mode.rank > 0 or mode.flaky


def _details(matrix: Matrix, changes: dict[str, Change]) -> Iterator[str]:
    yield '<p class="hint">Choose a cell to see what happened.</p>'
    for number, report in enumerate(matrix.reports):
        for slug, mode in report.modes.items():
            if not _has_detail(matrix, mode):
                continue
            yield detail(_anchor(number, slug), report, slug, mode, changes.get(slug))


def _anchor(number: int, slug: str) -> str:
    return f"c{number}-{escape(slug)}"


def _behaviour(matrix: Matrix) -> str:
    topics = list(dict.fromkeys(topic for report in matrix.reports for topic in report.inferred))
    if not topics:
        return ""
    head = "".join(f'<th scope="col">{escape(r.client.name)}</th>' for r in matrix.reports)
    rows = "".join(
        f'<tr><th scope="row">{escape(topic)}</th>'
        + "".join(f"<td>{_seen(report.inferred.get(topic))}</td>" for report in matrix.reports)
        + "</tr>"
        for topic in topics
    )
    return (
        '<section class="behaviour"><h2>Behaviour, as seen</h2><div class="box"><table>'
        f'<thead><tr><th scope="col">topic</th>{head}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _seen(found: Inference | None) -> str:
    if found is None:
        return ""
    filled = sum(found.confidence >= level for level in _CONFIDENT)
    boxes = "■" * filled + "□" * (len(_CONFIDENT) - filled)
    evidence = escape("; ".join(found.evidence))
    return (
        f'<span title="{evidence}">{escape(found.value)}</span> '
        f'<span class="conf" role="img" aria-label="confidence {found.confidence:.0%}">{boxes}</span>'
    )
