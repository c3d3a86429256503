"""``hamms-trio import`` and ``hamms-trio export``: JSON state files (see `hamms_trio.workbench.state`)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import click
import trio

from hamms_trio.cli import options
from hamms_trio.cli.records import STATE
from hamms_trio.errors import StateUnusable, StoreUnavailable
from hamms_trio.lab.doors import Doors
from hamms_trio.modes import known_modes
from hamms_trio.recording.store import HistoryBounds, open_store
from hamms_trio.workbench.failures import once_door
from hamms_trio.workbench.mocks import Mocks
from hamms_trio.workbench.routing.problems import Problem
from hamms_trio.workbench.routing.router import reserved_by_name
from hamms_trio.workbench.state import export_state, read_state
from hamms_trio.workbench.state.exported import FILES
from hamms_trio.workbench.state.imported import import_state
from netsplode.usage import Refused

# Neither command evicts anything; the workbench does, by its own limits.
EVERYTHING = HistoryBounds(rows=10_000_000, octets=2**40)


@click.command("import", short_help="Import JSON state files into the state file.")
@click.argument("files", nargs=-1, required=True, type=options.FILE)
@STATE
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_files(files: tuple[Path, ...], state: str, as_json: bool) -> None:
    """Import JSON state files: mocks and history, scenarios and runs, targets.

    The command names everything that it can't import.
    """
    imported: dict[str, dict[str, object]] = {}
    doors = Doors(known_modes())

    async def main() -> None:
        async with open_store(state, bounds=EVERYTHING) as store:
            mocks = Mocks(store, is_reserved=reserved_by_name, check_fail=partial(once_door, doors))
            await mocks.load()
            for path in files:
                read = read_state(path)
                dropped = await import_state(read, store, mocks)
                imported[str(path)] = {"imported": read.summary, "dropped": dropped}

    _run(main)
    if as_json:
        click.echo(json.dumps(imported, indent=2))
        return
    for path, what in imported.items():
        click.echo(f"{path}: {what['imported']}")
        for sentence in what["dropped"]:  # type: ignore[attr-defined] # a list
            click.echo(f"{path}: not imported: {sentence}", err=True)


@click.command("export", short_help="Export the state file as JSON.")
@click.argument("part", type=click.Choice(list(FILES)), default="playground")
@STATE
@click.option("--output", type=options.FILE, help="File to write instead of the standard output.")
@click.option("--json", "as_json", is_flag=True, help="Print a document about the written file.")
def export(part: str, state: str, output: Path | None, as_json: bool) -> None:
    """Export PART of the state file as JSON: playground, scenarios or targets.

    The export itself is JSON. With --output, the command prints a line about it, or a document with --json.
    """
    if not Path(state).exists():
        raise Refused(f"there is no state file {state}: name one with --state")
    found: dict[str, object] = {}

    async def main() -> None:
        async with open_store(state, bounds=EVERYTHING) as store:
            found.update(await export_state(store, *FILES[part]))

    _run(main)
    text = json.dumps(found, indent=2, sort_keys=True)
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(text + "\n")
    except OSError as error:
        raise Refused(f"{output} can't be written: {error.strerror}") from None
    counts = {name: len(items) for name, items in found.items() if isinstance(items, list)}
    if as_json:
        click.echo(json.dumps({"output": str(output), "exported": counts}, indent=2))
    else:
        words = " and ".join(f"{count} {name}" for name, count in counts.items())
        click.echo(f"{output}: {words}")


def _run(main: Callable[[], Awaitable[None]]) -> None:
    try:
        trio.run(main)
    except (StateUnusable, StoreUnavailable, Problem) as error:
        raise Refused(str(error)) from None
