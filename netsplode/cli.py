"""The command ``netsplode``: list TCP connections, reset them, and report what this process may do.

Exit codes: 0 if all were reset, with proof where this host can see an end; 1 if not all were; 2 for bad usage
or a missing capability.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import click

from netsplode.connection import Connection
from netsplode.connections import (
    AddressPattern,
    exact_address,
    find_connections,
    parse_address,
    rank,
)
from netsplode.errors import MissingCapability, NetsplodeError, TechniqueUnavailable
from netsplode.kernel.tcp import State
from netsplode.order import Order, Verify
from netsplode.plan import plan_of
from netsplode.privileges import capabilities
from netsplode.resetting import begin, run
from netsplode.result import format_address
from netsplode.targets import Target, target_of_connection
from netsplode.techniques import TECHNIQUES
from netsplode.usage import Commands, Seconds

_NOT_ALL, _USAGE = 1, 2
_VERIFY = {None: Verify.AUTO, True: Verify.REQUIRED, False: Verify.NEVER}


def _print_version(context: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"netsplode, version {version('hamms-trio')}")  # the package that contains it
        context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
def main() -> None:
    """Reset live TCP connections."""


@main.command("list", short_help="List the TCP connections of this host or of a process.")
@click.option("--pid", type=int, help="Only connections that this process holds.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Only connections with this port at an end."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_connections(pid: int | None, port: int | None, as_json: bool) -> None:
    """List the TCP connections of this network namespace, or those of a process."""
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
        (
            format_address(c.local),
            format_address(c.remote),
            c.state,
            str(c.pid or "-"),
            c.command or "-",
        )
        for c in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@main.command(short_help="Reset connections by their ends, port or process.")
@click.argument("local", required=False)
@click.argument("remote", required=False)
@click.option("--pid", type=int, help="All connections that this process holds.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="All connections with this port at an end."
)
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
    help="Require proof that both ends are down, or do not check. Default: check where this host can.",
)
@click.option(
    "--timeout",
    type=Seconds(0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds for each connection.",
)
@click.option("--forwarded", is_flag=True, help="Allow a connection that this host only forwards.")
@click.option("--dry-run", is_flag=True, help="Only print the connections that would be reset.")
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
    found = [target_of_connection(connection) for connection in _found(local, remote, pid, port)]
    if forwarded and not found:
        found = [_forwarded(local, remote)]
    if not found:
        _print([], as_json)
        click.echo("no connection matches", err=True)
        context.exit(_NOT_ALL)
    if local is not None and port is pid is None and len(found) > 1:
        pairs = ", ".join(
            f"{format_address(t.local)} -> {format_address(t.remote)}" for t in found[:8]
        )
        raise click.UsageError(f"{len(found)} connections match, give both ends or --port: {pairs}")
    rows: list[dict[str, Any]] = []
    code = 0
    for target in found:
        row = {"local": format_address(target.local), "remote": format_address(target.remote)}
        if not dry_run:
            order = Order(target, plan=plan_of(technique), timeout=timeout, verify=_VERIFY[verify])
            outcome, needed = _reset_one(order)
            row, code = row | outcome, max(code, needed)
        rows.append(row)
    _print(rows, as_json)
    context.exit(code)


def _reset_one(order: Order) -> tuple[dict[str, Any], int]:
    """Reset one connection, and return its outcome and the exit code for that."""
    try:
        result = run(begin(order))
    except NetsplodeError as error:
        lacks = isinstance(error, MissingCapability | TechniqueUnavailable) and error.missing
        if lacks and _is_over(order.target):
            return {"over": "both ends have closed it, and TIME-WAIT passes by itself"}, 0
        return {"error": str(error)}, _USAGE if lacks else _NOT_ALL
    outcome: dict[str, Any] = {
        "technique": result.technique,
        "ends": {end: str(state) for end, state in result.ends.items()},
        "elapsed": result.elapsed,
    }
    if result.doubt:
        outcome["doubt"] = result.doubt
    return outcome, 0


def _is_over(target: object) -> bool:
    return (
        isinstance(target, Target)
        and target.entry is not None
        and target.entry.state is State.TIME_WAIT
    )


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
            doubt = f"; {row['doubt']}" if "doubt" in row else ""
            click.echo(f"{pair}: reset by {row['technique']} ({known}{doubt})")
        elif "over" in row:
            click.echo(f"{pair}: {row['over']}")
        else:
            click.echo(f"{pair}: would be reset")


def _forwarded(local: str | None, remote: str | None) -> Target:
    if local is None or remote is None:
        raise click.UsageError("--forwarded takes LOCAL and REMOTE")
    try:
        return Target(exact_address(local), exact_address(remote))
    except NetsplodeError as error:
        raise click.UsageError(str(error)) from None


@main.command(short_help="Show what this process may do here.")
def doctor() -> None:
    """Show what this process may do here, and the remedy for what it may not."""
    for capability in capabilities():
        remedy = f" - {capability.hint}" if capability.hint else ""
        click.echo(f"{'yes' if capability.ok else 'no ':3} {capability.name}{remedy}")


def _found(
    local: str | None, remote: str | None, pid: int | None, port: int | None
) -> list[Connection]:
    """Find one end of each connection that fits, whatever its state; on one host, both are listed."""
    try:
        found = find_connections(pid=pid, state=None)
        ends = [parse_address(end) for end in (local, remote) if end is not None]
    except NetsplodeError as error:
        raise click.UsageError(str(error)) from None
    chosen: dict[frozenset[object], Connection] = {}
    for one in found:
        if (port is None or _has_port(one, port)) and _fits(one, ends):
            pair = frozenset((one.local, one.remote))
            chosen[pair] = max(chosen.get(pair, one), one, key=_rank)
    return list(chosen.values())


def _rank(connection: Connection) -> tuple[bool, bool]:
    assert connection.entry is not None  # find_connections gave it one
    return rank(connection.entry)


def _has_port(connection: Connection, port: int) -> bool:
    return port in (connection.local[1], connection.remote[1])


def _fits(connection: Connection, ends: list[AddressPattern]) -> bool:
    """Return True if the connection has these ends, in either order."""
    interface = connection.entry.interface if connection.entry else 0
    own = (connection.local, connection.remote)
    return any(
        all(end.fits(address, interface) for end, address in zip(ends, pair, strict=False))
        for pair in (own, own[::-1])
    )


def _row(connection: Connection) -> dict[str, Any]:
    return {
        "local": format_address(connection.local),
        "remote": format_address(connection.remote),
        "state": connection.state,
        "pid": connection.pid,
        "command": connection.command,
    }
