"""The live view as one screen."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hamms_trio.cli.scenario.seen import PROXY, REQUEST, Seen, SeenEvent, has_failed, words_of

ROWS = 10  # of each list
HEALTH = 8  # routes of the health map
_FIXED_LINES = 8  # header, totals, keys and titles


def screen(seen: Seen, height: int) -> RenderableType:
    """Render the state of the view for a terminal of ``height`` lines."""
    rows = max(1, min(ROWS, (height - _FIXED_LINES) // 4))
    mode = "failures only" if seen.failed_only else "everything"
    header = Text(f"hamms-trio live | cursor {seen.cursor} | {mode}", style="bold")
    if seen.problem:
        header.append(f" | {seen.problem}", style="red")
    return Group(
        header,
        _totals(seen),
        _list("Requests", seen.latest(REQUEST, rows)),
        _list("Scenarios", seen.latest("scenario", rows)),
        _list("Targets", seen.latest(PROXY, rows)),
        _health(seen, min(rows, HEALTH)),
        Text("q quit  f failures only  r from the oldest event  c clear", style="dim"),
    )


def _totals(seen: Seen) -> Text:
    metrics = seen.metrics
    return Text(
        f"requests {metrics.get('total_requests', 0)} | p99 {metrics.get('latency_p99_ms', 0):.2f}ms | "
        f"open {metrics.get('open_connections', 0)} | drain {metrics.get('drain_state', '-')}"
    )


def _list(title: str, events: list[SeenEvent]) -> RenderableType:
    table = Table(box=None, show_header=False, title=title, title_justify="left", padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for event in events:
        style = "red" if has_failed(event) else "green"
        table.add_row(event["ts"][11:23], Text(words_of(event), style=style))
    if not events:
        table.add_row("", Text("nothing yet", style="dim"))
    return table


def _health(seen: Seen, rows: int) -> RenderableType:
    """List the routes with the most failures first, then those with the most requests."""
    table = Table(box=None, show_header=False, title="Health", title_justify="left", padding=(0, 1))
    routes = sorted(seen.answers, key=lambda route: (-seen.failures[route], -seen.answers[route]))
    for route in routes[:rows]:
        answers, failures = seen.answers[route], seen.failures[route]
        word, style = ("FAILING", "red") if failures else ("ok", "green")
        table.add_row(Text(word, style=style), Text(route), f"{answers - failures}/{answers}")
    if not routes:
        table.add_row("", Text("nothing yet", style="dim"), "")
    return table
