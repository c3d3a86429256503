"""``hamms-trio load compare``: two results side by side, and gates."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hamms_trio.cli.options import NamedPath
from hamms_trio.cli.quantities import FACTOR, MILLISECONDS, PERCENT, Quantity
from netsplode.usage import Refused

if TYPE_CHECKING:
    from hamms_trio.load.compare import Check, Summary

_SHARE = Quantity("percent", PERCENT, most=1.0, may_be_off=True)
_GROWTH = Quantity("percent", PERCENT, most=1000.0, may_be_off=True)
_MILLISECONDS = Quantity("time", MILLISECONDS, most=24 * 3600e3, may_be_off=True)


@click.command()
@click.argument("first", type=NamedPath(path_type=Path), metavar="A.json")
@click.argument("second", type=NamedPath(path_type=Path), metavar="B.json")
@click.option(
    "--max-error-rate", default="1%", show_default=True, type=_SHARE, help="Of B's requests."
)
@click.option("--max-p50", "max_p50_ms", type=_MILLISECONDS, help="B's median latency.")
@click.option(
    "--max-p95", "max_p95_ms", default="200ms", show_default=True, type=_MILLISECONDS, help="B's."
)
@click.option("--max-p99", "max_p99_ms", type=_MILLISECONDS, help="B's.")
@click.option(
    "--min-rps-ratio",
    type=Quantity("factor", FACTOR, most=1e6, may_be_off=True),
    help="B's throughput by A's: 1.8 or 1.8x.",
)
@click.option("--max-p50-regression", type=_GROWTH, help="How much longer than A's: 10%.")
@click.option("--max-p95-regression", type=_GROWTH, help="How much longer than A's.")
@click.option("--max-p99-regression", type=_GROWTH, help="How much longer than A's.")
@click.option("--max-rps-regression", type=_SHARE, help="How much less throughput than A.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with a table in Markdown.")
def compare(first: Path, second: Path, as_json: bool, **limits: float | None) -> None:
    """Compare two results of `hamms-trio load --json FILE`; exit with 1 if B fails a gate.

    A gate takes `off`, too.
    """
    from hamms_trio.errors import LoadError
    from hamms_trio.load.compare import Gates, check, comparison_json, read_summary

    try:
        for path in (first, second):
            if str(path).startswith(("http:", "https:")):
                raise LoadError("results are compared: `hamms-trio load URL --json FILE` makes one")
        summaries = read_summary(first), read_summary(second)
    except LoadError as error:
        raise Refused(str(error)) from None
    checks = check(*summaries, Gates(**limits))
    if as_json:
        content = comparison_json(*summaries, checks, (str(first), str(second)))
        click.echo(json.dumps(content, indent=2))  # in ASCII, as file names may be anything
    else:
        _print(summaries, (first.name, second.name), checks)
    if not all(check.passed for check in checks):
        sys.exit(1)


def _print(summaries: tuple[Summary, Summary], names: tuple[str, str], checks: list[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from hamms_trio.load.compare import change, number, rows, signed_percent

    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in (*names, "change"):
        printable = name.encode(console.encoding, "backslashreplace").decode(console.encoding)
        table.add_column(Text(printable), justify="right")
    for name, one, other in rows(*summaries):
        table.add_row(name, number(one), number(other), signed_percent(change(one, other)))
    console.print(table)
    console.print()
    for check in checks:
        word, style = ("pass", "green") if check.passed else ("FAIL", "bold red")
        console.print(Text.assemble((word, style), f"  {check.demand}  ({_found(check)})"))


def _found(check: Check) -> str:
    """What was found, in the unit of what was asked."""
    if check.found is None:
        return "nothing found"
    return f"found {check.found:.2%}" if "%" in check.demand else f"found {check.found:.4g}"
