"""The command ``netsplode``: list connections, reset them, tell what may be done here.

Exit codes: 0 all reset, confirmed where this host can see it; 1 not all; 2 bad usage or missing capability.
"""

from __future__ import annotations

import json
from typing import Any

import click

from netsplode.connections import AddressLike, Connection, find_connections, wanted
from netsplode.errors import MissingCapability, NetsplodeError, TechniqueUnavailable
from netsplode.privileges import capabilities
from netsplode.resetting import carry_out, chosen, run
from netsplode.result import ResetResult, written
from netsplode.targets import Target

_NOT_ALL, _USAGE = 1, 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Reset live TCP connections."""


@main.command("list")
@click.option("--pid", type=int, help="Only those that this process holds.")
@click.option("--port", type=click.IntRange(1, 65535), help="Only those with this port at an end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_connections(pid: int | None, port: int | None, as_json: bool) -> None:
    """The TCP connections of this network namespace."""
    found = _found(None, None, pid, port, state=None)
    if as_json:
        click.echo(json.dumps([_row(connection) for connection in found], indent=2))
        return
    rows = [("LOCAL", "REMOTE", "STATE", "PID", "COMMAND")]
    rows += [
        (written(c.local), written(c.remote), c.state, str(c.pid or "-"), c.command or "-")
        for c in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@main.command()
@click.argument("local", required=False)
@click.argument("remote", required=False)
@click.option("--pid", type=int, help="All that this process holds.")
@click.option("--port", type=click.IntRange(1, 65535), help="All with this port at an end.")
@click.option("--technique", default="auto", show_default=True, help="auto, abort, destroy, ...")
@click.option("--dry-run", is_flag=True, help="Only print what would be reset.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def reset(
    context: click.Context,
    local: str | None,
    remote: str | None,
    pid: int | None,
    port: int | None,
    technique: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Reset the connections between LOCAL and REMOTE (host:port), of a port, or of a process."""
    if local is None and pid is None and port is None:
        raise click.UsageError("give LOCAL and REMOTE, --port or --pid")
    try:
        techniques = chosen(technique)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    found = _once_each(_found(local, remote, pid, port, state="established"))
    if not found:
        click.echo("no connection matches", err=True)
        context.exit(_NOT_ALL)
    rows: list[dict[str, Any]] = []
    code = 0
    for connection in found:
        if dry_run:
            rows.append(_row(connection))
            continue
        target = Target(connection.local, connection.remote, entry=connection.entry)
        try:
            rows.append(_outcome(run(carry_out(target, techniques, 5.0, "auto"))))
        except NetsplodeError as error:
            needs = isinstance(error, MissingCapability | TechniqueUnavailable) and error.missing
            code = max(code, _USAGE if needs else _NOT_ALL)
            rows.append({**_row(connection), "error": str(error)})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    for row in rows:
        if "error" in row:
            click.echo(f"{row['local']} -> {row['remote']}: {row['error']}", err=True)
        elif not as_json:
            told = f"reset by {row['technique']}" if "technique" in row else "would be reset"
            click.echo(f"{row['local']} -> {row['remote']}: {told}")
    context.exit(code)


@main.command()
def doctor() -> None:
    """What may be done here, and for what may not, the remedy."""
    for capability in capabilities():
        remedy = f" - {capability.hint}" if capability.hint else ""
        click.echo(f"{'yes' if capability.ok else 'no ':3} {capability.name}{remedy}")


def _found(
    local: AddressLike | None,
    remote: AddressLike | None,
    pid: int | None,
    port: int | None,
    state: str | None,
) -> list[Connection]:
    try:
        found = find_connections(pid=pid, state=state)
        ends = [wanted(end) for end in (local, remote) if end is not None]
    except NetsplodeError as error:
        raise click.UsageError(str(error)) from None
    if port is not None:
        found = [c for c in found if port in (c.local[1], c.remote[1])]
    if len(ends) == 1:
        found = [c for c in found if ends[0].fits(c.local) or ends[0].fits(c.remote)]
    if len(ends) == 2:
        here, there = ends
        found = [
            c
            for c in found
            if (here.fits(c.local) and there.fits(c.remote))
            or (here.fits(c.remote) and there.fits(c.local))
        ]
    return found


def _once_each(found: list[Connection]) -> list[Connection]:
    """One end of each: on one host, both are listed."""
    return list({frozenset((c.local, c.remote)): c for c in reversed(found)}.values())


def _row(connection: Connection) -> dict[str, Any]:
    return {
        "local": written(connection.local),
        "remote": written(connection.remote),
        "state": connection.state,
        "pid": connection.pid,
        "command": connection.command,
    }


def _outcome(result: ResetResult) -> dict[str, Any]:
    return {
        "local": written(result.local),
        "remote": written(result.remote),
        "technique": result.technique,
        "ends": {end: str(state) for end, state in result.ends.items()},
        "elapsed": result.elapsed,
    }
