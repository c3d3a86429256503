"""``hamms-trio load compare``: two results side by side, and gates."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from hamms_trio.cli.load.order import ORDER, LoadOrder, given_options
from hamms_trio.cli.options import NamedPath, given
from hamms_trio.cli.units import FACTOR, MILLISECONDS, PERCENT, Quantity
from netsplode.usage import Refused

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hamms_trio.load.result import Result
    from hamms_trio.load.result.compare import Check, ResultSummary

MAX_TURNS = 1000

_SHARE = Quantity("percent", PERCENT, most=1.0, may_be_off=True)
_GROWTH = Quantity("percent", PERCENT, most=1000.0, may_be_off=True)
_MILLISECONDS = Quantity("time", MILLISECONDS, most=24 * 3600e3, may_be_off=True)
_CELLS = 12  # of a column's name, where the numbers leave room


@click.command()
@click.argument("first", type=NamedPath(), metavar="A.json")
@click.argument("second", type=NamedPath(), metavar="B.json")
@click.option(
    "--max-error-rate",
    default="1%",
    show_default=True,
    type=_SHARE,
    help="Largest share of B's requests that are errors.",
)
@click.option("--max-p50", "max_p50_ms", type=_MILLISECONDS, help="Longest p50 latency of B.")
@click.option(
    "--max-p95",
    "max_p95_ms",
    default="200ms",
    show_default=True,
    type=_MILLISECONDS,
    help="Longest p95 latency of B.",
)
@click.option("--max-p99", "max_p99_ms", type=_MILLISECONDS, help="Longest p99 latency of B.")
@click.option(
    "--min-rps-ratio",
    type=Quantity("factor", FACTOR, most=1e6, may_be_off=True),
    help="Least throughput of B divided by A's: 1.8 or 1.8x.",
)
@click.option(
    "--max-p50-regression", type=_GROWTH, help="Largest increase of B's p50 over A's: 10%."
)
@click.option("--max-p95-regression", type=_GROWTH, help="Largest increase of B's p95 over A's.")
@click.option("--max-p99-regression", type=_GROWTH, help="Largest increase of B's p99 over A's.")
@click.option(
    "--max-rps-regression", type=_SHARE, help="Largest decrease of B's throughput below A's."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with a table in Markdown.")
@click.option(
    "--run",
    is_flag=True,
    help="Take two URLs instead: load both in turns, then compare the results.",
)
@click.option(
    "--turns",
    default=5,
    show_default=True,
    type=click.IntRange(1, MAX_TURNS),
    help="Parts that --run splits each load into; --warmup precedes each part.",
)
@ORDER
def compare(
    first: str,
    second: str,
    as_json: bool,
    run: bool,
    turns: int,
    order: LoadOrder,
    **limits: float | None,
) -> None:
    """Compare two results of `hamms-trio load --json FILE`; exit with 1 if B fails a gate.

    With --run, give two URLs instead; the options of `hamms-trio load` apply to both. A gate can be
    `off`.
    """
    from hamms_trio.errors import LoadError
    from hamms_trio.load.result.compare import Gates, check, comparison_json
    from hamms_trio.wire.masking import mask

    try:
        if run:
            summaries = _run(first, second, order, turns)
            first, second = mask(first), mask(second)
            names = first, second
        else:
            summaries = _read(first, second)
            names = Path(first).name, Path(second).name
    except LoadError as error:
        raise Refused(str(error)) from None
    checks = check(*summaries, Gates(**limits))
    if as_json:
        kind = "url" if run else "file"
        content = comparison_json(*summaries, checks, (first, second), kind=kind)
        click.echo(json.dumps(content, indent=2))  # in ASCII, because file names can be any octets
    else:
        _print(summaries, names, checks)
    if not all(check.passed for check in checks):
        sys.exit(1)


def _read(first: str, second: str) -> tuple[ResultSummary, ResultSummary]:
    from hamms_trio.errors import LoadError
    from hamms_trio.load.result.compare import read_summary
    from hamms_trio.wire.masking import mask

    unused = [*given_options(), *(["--turns"] if given("turns") else [])]
    if unused:
        raise LoadError(f"{unused[0]} is for a load: add --run and give two URLs")
    for path in (first, second):
        if path.startswith(("http:", "https:")):
            raise LoadError(
                f"{mask(path)} is a URL: add --run to load both now, "
                "or make files first with `hamms-trio load URL --json FILE`"
            )
    return read_summary(Path(first)), read_summary(Path(second))


def _run(
    first: str, second: str, order: LoadOrder, turns: int
) -> tuple[ResultSummary, ResultSummary]:
    """Load both servers in turns.

    Raises:
        LoadError: the options or a URL are no good; nothing was sent.
    """
    import trio

    from hamms_trio.cli.load.progress import LoadWatcher
    from hamms_trio.cli.load.report import why_silent
    from hamms_trio.cli.running.process import collect_garbage_rarely
    from hamms_trio.load.alternate import alternate
    from hamms_trio.load.result.compare import summarize

    watcher = LoadWatcher()
    generators = order.prepare(first, watcher), order.prepare(second, watcher)
    collect_garbage_rarely()  # a collection would make every answer due meanwhile look late

    async def main() -> list[Result | None]:
        for url in (first, second):  # both, before the first request leaves
            await order.check_address(url)
        return await alternate(generators, order.plan, turns)

    one, other = trio.run(main)
    for result in (one, other):
        if result is not None and not result.tally.answered:
            _fail(why_silent(result))
    if one is None or other is None:
        _fail("interrupted before both servers had a turn")
    return summarize(one), summarize(other)


def _fail(problem: str) -> NoReturn:
    click.echo(f"hamms-trio: {problem}", err=True)
    sys.exit(1)


def _print(
    summaries: tuple[ResultSummary, ResultSummary], names: tuple[str, str], checks: list[Check]
) -> None:
    from rich.text import Text

    from hamms_trio.cli.load.tables import open_console

    console = open_console()
    console.print(_table(console, summaries, names))
    console.print()
    for check in checks:
        word, style = ("pass", "green") if check.passed else ("FAIL", "bold red")
        console.print(Text.assemble((word, style), f"  {check.demand}  ({_found(check)})"))


def _table(
    console: Console, summaries: tuple[ResultSummary, ResultSummary], names: tuple[str, str]
) -> Table:
    """Lay the results out side by side: long names are folded first, then the change is left out."""
    from rich.text import Text

    from hamms_trio.cli.load.tables import fit, fold, plain_table
    from hamms_trio.load.result.compare import change, number, rows, signed_percent

    compared = rows(*summaries)
    columns = [
        [name for name, _, _ in compared],
        [number(one) for _, one, _ in compared],
        [number(other) for _, _, other in compared],
        [signed_percent(change(one, other)) for _, one, other in compared],
    ]
    headers = [
        "",
        *(
            name.encode(console.encoding, "backslashreplace").decode(console.encoding)
            for name in names
        ),
        "change",
    ]

    def build(count: int, cells: int) -> Table:
        table = plain_table()
        for header in headers[:count]:
            table.add_column(Text(fold(header, cells)), justify="right" if header else "left")
        for row in zip(*columns[:count], strict=True):
            table.add_row(*row)
        return table

    longest_name, longest_number = max(map(len, headers)), max(map(len, columns[1] + columns[2]))
    shapes = ((4, longest_name), (4, _CELLS), (3, _CELLS), (3, longest_number))
    return fit(console, (build(*shape) for shape in shapes))


def _found(check: Check) -> str:
    """Write the value that a gate found, in the unit of its limit."""
    if check.found is None:
        return "nothing found"
    return f"found {check.found:.2%}" if "%" in check.demand else f"found {check.found:.4g}"
