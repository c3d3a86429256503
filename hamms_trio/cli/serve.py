"""``hamms-trio serve``: every failure mode on its port, until a signal."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hamms_trio.cli.options import given
from hamms_trio.cli.signals import Signals

if TYPE_CHECKING:
    from hamms_trio.app import Hamms
    from hamms_trio.workbench import Workbench

WORKBENCH_OFFSET = 100  # above the beginning port
HIGHEST_PORT = 65535
STDERR = 2


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address or name to listen on; a name's every address. 0.0.0.0 or :: for all.",
)
@click.option(
    "--beginning-port",
    default=5500,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Each mode listens on this plus its offset; 0 takes free ports.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="SLUG",
    help="Serve this failure mode only; more of them may follow.",
)
@click.argument("more", nargs=-1, metavar="[SLUG]...")
@click.option("--seed", default=0, show_default=True, help="Decides every random choice.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    help="How many seconds pass for a failure mode in one real second.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help='Write {slug: {"port", "url"}} here once every port accepts.',
)
@click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    default="plain",
    show_default=True,
    help="How log lines on standard error look.",
)
@click.option(
    "--workbench-port",
    type=click.IntRange(0, 65535),
    help=f"The workbench's port instead of the beginning port plus {WORKBENCH_OFFSET}; 0 takes a free one.",
)
@click.option(
    "--workbench/--no-workbench",
    "with_workbench",
    default=True,
    show_default=True,
    help="Serve the workbench too, the well-behaved server beside the failure modes.",
)
@click.option(
    "--drain-timeout",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds that the workbench's requests in flight are given when a signal comes.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log every connection and request.")
def serve(
    host: str,
    beginning_port: int,
    only: tuple[str, ...],
    more: tuple[str, ...],
    seed: int,
    speed: float,
    ready_file: Path | None,
    log_format: str,
    workbench_port: int | None,
    with_workbench: bool,
    drain_timeout: float,
    verbose: bool,
) -> None:
    """Serve every failure mode on its own port until interrupted (SIGINT or SIGTERM)."""
    if more and not only:
        raise click.UsageError(f"unexpected {more[0]!r}: name failure modes after --only")
    if not with_workbench and (given("workbench_port") or given("drain_timeout")):
        raise click.UsageError("--workbench-port and --drain-timeout are for the workbench")

    signals = Signals()  # before the imports, which take most of the start
    import trio

    from hamms_trio.app import open_hamms
    from hamms_trio.cli.log import configure_logging
    from hamms_trio.cli.process import (
        collect_garbage_rarely,
        raise_descriptor_limit,
        write_ready_file,
    )
    from hamms_trio.errors import PortUnavailable, UnknownMode
    from hamms_trio.server.access_log import LogFormat
    from hamms_trio.workbench import open_workbench

    async def main() -> str | None:
        async with AsyncExitStack() as stack:
            signalled = await stack.enter_async_context(signals.heeded())
            opened = open_hamms(
                host=host, beginning_port=beginning_port, only=only + more, seed=seed, speed=speed
            )
            hamms = await stack.enter_async_context(opened)
            workbench = None
            if with_workbench:
                opened_workbench = open_workbench(
                    host=host,
                    port=_workbench_port(workbench_port, beginning_port),
                    port_option="--workbench-port",
                    log_format=LogFormat(log_format),
                    log_descriptor=STDERR if verbose else None,
                )
                workbench = await stack.enter_async_context(opened_workbench)
            collect_garbage_rarely()
            try:
                if ready_file is not None:
                    write_ready_file(ready_file, _addresses(hamms, workbench))
                _print_table(hamms, workbench)
            except OSError as error:
                return f"can't write {error.filename or 'to standard output'}: {error.strerror}"
            await signalled.wait()
            if workbench is not None:
                await workbench.drain(drain_timeout)
        return None

    configure_logging(log_format, verbose=verbose)
    raise_descriptor_limit()
    try:
        problem = trio.run(main)
    except (PortUnavailable, UnknownMode, ValueError) as error:
        problem = str(error)
    if problem:
        click.echo(f"hamms-trio: {problem}", err=True)
        sys.exit(2)


def _workbench_port(chosen: int | None, beginning_port: int) -> int:
    if chosen is not None:
        return chosen
    port = beginning_port + WORKBENCH_OFFSET if beginning_port else 0
    if port > HIGHEST_PORT:
        raise ValueError(
            f"there is no port {port} for the workbench: choose one with --workbench-port, or do "
            "without it by --no-workbench"
        )
    return port


def _addresses(hamms: Hamms, workbench: Workbench | None) -> dict[str, dict[str, object]]:
    """Where everything is found, as the ready file tells it."""
    addresses: dict[str, dict[str, object]] = {
        slug: {"port": port, "url": hamms.url(slug)} for slug, port in hamms.ports.items()
    }
    if workbench is not None:
        addresses["workbench"] = {"port": workbench.port, "url": workbench.url}
    return addresses


def _print_table(hamms: Hamms, workbench: Workbench | None) -> None:
    from hamms_trio.modes import CATALOGUE

    if sys.stdout is None:  # closed by whoever started us
        return
    rows = [(str(port), slug, CATALOGUE[slug].summary) for slug, port in hamms.ports.items()]
    if workbench is not None:
        rows.append((str(workbench.port), "workbench", "The well-behaved server."))
    if sys.stdout.isatty():
        _print_rich(rows)
        return
    width = max(len(slug) for _, slug, _ in rows)
    lines = [f"{port:>5}  {slug:{width}}  {what}" for port, slug, what in _HEADER + rows]
    click.echo("\n".join(lines))


_HEADER = [("port", "mode", "what it does")]


def _print_rich(rows: list[tuple[str, str, str]]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE, title="hamms-trio is ready; Ctrl-C ends it")
    table.add_column("port", justify="right", style="bold cyan")
    table.add_column("mode", style="bold", no_wrap=True)
    table.add_column("what it does")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
