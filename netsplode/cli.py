"""The command ``netsplode``: list connections, reset them, tell what may be done here.

Exit codes: 0 all reset, confirmed where this host can see it; 1 not all; 2 bad usage or missing capability.
"""

from __future__ import annotations

import json
from typing import Any

import click

from netsplode.connection import Connection
from netsplode.connections import Wanted, find_connections, one_address, wanted
from netsplode.errors import MissingCapability, NetsplodeError, TechniqueUnavailable
from netsplode.privileges import capabilities
from netsplode.resetting import Plan, Verify, carry_out, planned, run
from netsplode.result import written
from netsplode.targets import Target, listed
from netsplode.techniques import TECHNIQUES
from netsplode.usage import Commands, Seconds

_NOT_ALL, _USAGE = 1, 2


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Reset live TCP connections."""


@main.command("list")
@click.option("--pid", type=int, help="Only those that this process holds.")
@click.option("--port", type=click.IntRange(1, 65535), help="Only those with this port at an end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_connections(pid: int | None, port: int | None, as_json: bool) -> None:
    """The TCP connections of this network namespace."""
    try:
        found = find_connections(pid=pid, state=None)
    except NetsplodeError as error:
        raise click.UsageError(str(error)) from None
    found = [c for c in found if port is None or _has_port(c, port)]
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


@main.command(short_help="Reset connections, by their ends, port or process.")
@click.argument("local", required=False)
@click.argument("remote", required=False)
@click.option("--pid", type=int, help="All that this process holds.")
@click.option("--port", type=click.IntRange(1, 65535), help="All with this port at an end.")
@click.option(
    "--technique",
    type=click.Choice(["auto", *(technique.name for technique in TECHNIQUES)]),
    default="auto",
    show_default=True,
    help="How to reset them.",
)
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Insist on proof that both ends are down, or don't look. Otherwise: look where it can be seen.",
)
@click.option(
    "--timeout",
    type=Seconds(0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds for each connection.",
)
@click.option(
    "--forwarded", is_flag=True, help="A connection that this host does not end but forwards."
)
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
    verify: bool | None,
    timeout: float,
    forwarded: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Reset the connections between LOCAL and REMOTE (host:port), of a port, or of a process."""
    if local is None and pid is None and port is None:
        raise click.UsageError("give LOCAL and REMOTE, --port or --pid")
    found = [listed(c.entry) for c in _found(local, remote, pid, port) if c.entry]
    if forwarded and not found:
        found = [_forwarded(local, remote)]
    if not found:
        _print([], as_json)
        click.echo("no connection matches", err=True)
        context.exit(_NOT_ALL)
    if local is not None and port is pid is None and len(found) > 1:
        pairs = ", ".join(f"{written(t.local)} -> {written(t.remote)}" for t in found[:8])
        raise click.UsageError(f"{len(found)} connections match, give both ends or --port: {pairs}")
    plan = planned(technique)
    asked: Verify = "auto" if verify is None else verify
    rows: list[dict[str, Any]] = []
    code = 0
    for target in found:
        row = {"local": written(target.local), "remote": written(target.remote)}
        if not dry_run:
            outcome, worst = _reset_one(target, plan, timeout, asked)
            row, code = row | outcome, max(code, worst)
        rows.append(row)
    _print(rows, as_json)
    context.exit(code)


def _reset_one(
    target: Target, plan: Plan, timeout: float, verify: Verify
) -> tuple[dict[str, Any], int]:
    """What came of it, and the exit code that is due for that."""
    try:
        result = run(carry_out(target, plan, timeout, verify))
    except NetsplodeError as error:
        needs = isinstance(error, MissingCapability | TechniqueUnavailable) and error.missing
        return {"error": str(error)}, _USAGE if needs else _NOT_ALL
    outcome = {
        "technique": result.technique,
        "ends": {end: str(state) for end, state in result.ends.items()},
        "elapsed": result.elapsed,
    }
    return outcome, 0


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    for row in rows:
        pair = f"{row['local']} -> {row['remote']}"
        if "error" in row:
            click.echo(f"{pair}: {row['error']}", err=True)
        elif as_json:
            continue
        elif "technique" in row:
            known = ", ".join(f"{end} end {state}" for end, state in row["ends"].items())
            click.echo(f"{pair}: reset by {row['technique']} ({known})")
        else:
            click.echo(f"{pair}: would be reset")


def _forwarded(local: str | None, remote: str | None) -> Target:
    if local is None or remote is None:
        raise click.UsageError("--forwarded takes LOCAL and REMOTE")
    try:
        return Target(one_address(local), one_address(remote))
    except NetsplodeError as error:
        raise click.UsageError(str(error)) from None


@main.command()
def doctor() -> None:
    """What may be done here, and for what may not, the remedy."""
    for capability in capabilities():
        remedy = f" - {capability.hint}" if capability.hint else ""
        click.echo(f"{'yes' if capability.ok else 'no ':3} {capability.name}{remedy}")


def _found(
    local: str | None, remote: str | None, pid: int | None, port: int | None
) -> list[Connection]:
    """One end of each established connection that fits: on one host, both are listed."""
    try:
        found = find_connections(pid=pid)
        ends = [wanted(end) for end in (local, remote) if end is not None]
    except NetsplodeError as error:
        raise click.UsageError(str(error)) from None
    fitting = [c for c in found if (port is None or _has_port(c, port)) and _fits(c, ends)]
    return list({frozenset((c.local, c.remote)): c for c in reversed(fitting)}.values())


def _has_port(connection: Connection, port: int) -> bool:
    return port in (connection.local[1], connection.remote[1])


def _fits(connection: Connection, ends: list[Wanted]) -> bool:
    """Whether its ends are those, whichever of them is called local."""
    interface = connection.entry.interface if connection.entry else 0
    own = (connection.local, connection.remote)
    return any(
        all(end.fits(address, interface) for end, address in zip(ends, pair, strict=False))
        for pair in (own, own[::-1])
    )


def _row(connection: Connection) -> dict[str, Any]:
    return {
        "local": written(connection.local),
        "remote": written(connection.remote),
        "state": connection.state,
        "pid": connection.pid,
        "command": connection.command,
    }
