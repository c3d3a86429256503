"""``hamms-trio report``: reports of checks, merged into a matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hamms_trio.cli.options import NamedPath
from netsplode.usage import Commands, Refused

if TYPE_CHECKING:
    from hamms_trio.check.reports import Matrix

_FORMATS = ("html", "md")


@click.group(cls=Commands)
def report() -> None:
    """Merge reports of checks into one matrix."""


@report.command(short_help="Write the matrix of failure modes by clients.")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=NamedPath(dir_okay=False, path_type=Path),
    metavar="FILE...",
)
@click.option(
    "--output",
    "-o",
    type=NamedPath(dir_okay=False, path_type=Path, allow_dash=True),
    default="-",
    help="File to write, whose ending chooses the format: .html or .md.  [default: standard output]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(_FORMATS),
    help="The format, if the file's ending does not imply one.",
)
@click.option(
    "--withhold",
    is_flag=True,
    help="Leave out the rows in which any client has a finding that looks like a security problem.",
)
def merge(files: tuple[Path, ...], output: Path, kind: str | None, withhold: bool) -> None:
    """Write the matrix of failure modes by clients, from FILEs that `check --report json=FILE` has written."""
    from hamms_trio.check import reports

    kind = kind or _format_of(output)
    try:
        found = [reports.read_report(file) for file in files]
    except reports.ReportUnusable as error:
        raise Refused(str(error)) from None
    matrix = reports.withhold(found) if withhold else reports.Matrix(tuple(found), {})
    text = _written(matrix, kind)
    if output == Path("-"):
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"can't write {output}: {error.strerror}") from None


def _format_of(output: Path) -> str:
    if output == Path("-"):
        return "html"
    ending = output.suffix.removeprefix(".")
    if ending not in _FORMATS:
        raise Refused(f"{output} ends neither in .html nor in .md: rename it, or give --format")
    return ending


def _written(matrix: Matrix, kind: str) -> str:
    from hamms_trio.check.reports import matrix_markdown, matrix_page

    return matrix_page(matrix) if kind == "html" else matrix_markdown(matrix)
