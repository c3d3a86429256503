"""``hamms-trio load``: many clients on one server."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hamms_trio.cli.lazy import DelegatingCommand
from hamms_trio.cli.load.compare import compare
from hamms_trio.cli.load.order import ORDER, LoadOrder
from hamms_trio.cli.options import STANDARD_OUTPUT, NamedPath
from netsplode.usage import Refused

if TYPE_CHECKING:
    from hamms_trio.load.result import Result


class LoadCommand(DelegatingCommand):
    """A command with one sub-command, whose name is no URL."""

    def delegate(self, name: str | None, args: list[str]) -> tuple[click.Command, str | None, int]:
        """Choose ``compare`` if the first argument says so."""
        if args[:1] == [compare.name]:
            return compare, f"{name} {compare.name}", 1
        return self, name, 0


@click.command(
    cls=LoadCommand,
    epilog="`hamms-trio load compare A B` compares two results; docs/load.md explains them.",
)
@click.argument("url", required=False)
@ORDER
@click.option(
    "--json",
    "json_file",
    is_flag=False,
    flag_value="-",
    type=NamedPath(dir_okay=False, path_type=Path, allow_dash=True),
    metavar="[FILE]",
    help="Write the result as JSON to FILE; without FILE, print it instead of the report.",
)
def load(url: str | None, order: LoadOrder, json_file: Path | None) -> None:
    """Measure a server of your own under load.

    URL is http:// or https://, on a loopback address. The result is printed.
    """
    from hamms_trio.cli.load import report
    from hamms_trio.errors import LoadError

    try:
        if url is None and str(json_file).startswith(("http:", "https:")):
            raise LoadError("--json took the URL for its FILE: put the URL first, or --json=FILE")
        if url is None:
            raise LoadError("give a URL, such as http://127.0.0.1:8080/")
        if json_file is not None:
            _check_writable(json_file)
        result = _generate(url, order)
        if json_file is not None:
            _write(json_file, result)
    except LoadError as error:
        raise Refused(str(error)) from None
    if str(json_file) != STANDARD_OUTPUT:
        report.show(result)
    if not result.tally.answered:
        click.echo(f"hamms-trio: {report.why_silent(result)}", err=True)
        sys.exit(1)


def _generate(url: str, order: LoadOrder) -> Result:
    import trio

    from hamms_trio.cli.load.progress import LoadWatcher
    from hamms_trio.cli.running.process import collect_garbage_rarely

    generate = order.prepare(url, LoadWatcher())
    collect_garbage_rarely()  # a collection would make every answer due meanwhile look late
    return trio.run(generate, order.plan)


def _check_writable(path: Path) -> None:
    """Check before the load that the result can be written after it."""
    from hamms_trio.errors import LoadError

    if str(path) == STANDARD_OUTPUT:
        return
    if not os.access(path if os.path.exists(path) else path.parent, os.W_OK):
        raise LoadError(
            f"can't write {str(path)!r}: the directory is missing or not writable; give another FILE"
        )


def _write(path: Path, result: Result) -> None:
    from hamms_trio.errors import LoadError
    from hamms_trio.load.result import as_json

    text = json.dumps(as_json(result), indent=2, ensure_ascii=False)
    if str(path) == STANDARD_OUTPUT:
        click.echo(text)
        return
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise LoadError(f"can't write {str(path)!r}: {error.strerror}") from None
