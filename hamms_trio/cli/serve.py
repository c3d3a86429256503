"""``hamms-trio serve``: every failure mode on its port, until a signal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hamms_trio.cli import options
from hamms_trio.cli.options import given
from hamms_trio.cli.signals import Signals
from netsplode.usage import Refused

if TYPE_CHECKING:
    from hamms_trio.app import Hamms
    from hamms_trio.http.serving.running import RunningServer

WORKBENCH_OFFSET = 100  # above the beginning port
HIGHEST_PORT = 65535
STDERR = 2


@dataclass(frozen=True, kw_only=True)
class Modes:
    """Which failure modes are served, and how."""

    beginning_port: int
    only: tuple[str, ...]
    more: tuple[str, ...]
    seed: int
    speed: float


MODES = options.together(
    "modes",
    Modes,
    click.option(
        "--beginning-port",
        default=5500,
        show_default=True,
        type=options.PORT,
        help="Each mode listens on this plus its offset; 0 takes free ports.",
    ),
    click.option(
        "--only",
        multiple=True,
        metavar="SLUG",
        help="Serve this failure mode only; more of them may follow.",
    ),
    click.argument("more", nargs=-1, metavar="[SLUG]..."),
    click.option("--seed", default=0, show_default=True, help="Decides every random choice."),
    click.option(
        "--speed",
        default=1.0,
        show_default=True,
        help="How many seconds pass for a failure mode in one real second.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Whether the workbench is served beside them, and how."""

    workbench_port: int | None
    with_workbench: bool
    drain_timeout: float


BESIDE = options.together(
    "beside",
    Beside,
    click.option(
        "--workbench-port",
        type=options.PORT,
        help=f"The workbench's port instead of the beginning port plus {WORKBENCH_OFFSET}; "
        "0 takes a free one.",
    ),
    click.option(
        "--workbench/--no-workbench",
        "with_workbench",
        default=True,
        show_default=True,
        help="Serve the workbench too, the well-behaved server beside the failure modes.",
    ),
    options.drain_timeout("the workbench's "),
)


@click.command(short_help="Serve every failure mode, each on its own port.")
@options.HOST
@MODES
@options.ready_file('slug: {"port", "url"}', "once every port accepts")
@options.log_format("log lines")
@BESIDE
@options.verbose("every connection and request")
def serve(
    host: str,
    modes: Modes,
    ready_file: Path | None,
    log_format: str,
    beside: Beside,
    verbose: bool,
) -> None:
    """Serve every failure mode on its own port until interrupted (SIGINT or SIGTERM)."""
    if modes.more and not modes.only:
        raise click.UsageError(f"unexpected {modes.more[0]!r}: name failure modes after --only")
    if not beside.with_workbench and (given("workbench_port") or given("drain_timeout")):
        raise click.UsageError("--workbench-port and --drain-timeout are for the workbench")

    signals = Signals()  # before the imports, which take most of the start
    import trio

    from hamms_trio.cli.log import configure_logging
    from hamms_trio.cli.process import collect_garbage_rarely, raise_descriptor_limit
    from hamms_trio.errors import PortUnavailable, UnknownMode

    async def main() -> None:
        async with AsyncExitStack() as stack:
            signalled = await stack.enter_async_context(signals.heeded())
            hamms = await stack.enter_async_context(_opened_modes(host, modes))
            workbench = None
            if beside.with_workbench:
                port = _workbench_port(beside.workbench_port, modes.beginning_port, hamms.ports)
                opened = _opened_workbench(host, port, log_format, verbose=verbose)
                workbench = await stack.enter_async_context(opened)
            collect_garbage_rarely()
            _tell_where(hamms, workbench, ready_file)
            await signalled.wait()
            if workbench is not None:
                await workbench.drain(beside.drain_timeout)

    configure_logging(log_format, verbose=verbose)
    raise_descriptor_limit()
    try:
        trio.run(main)
    except (PortUnavailable, UnknownMode, ValueError) as error:
        raise Refused(str(error)) from None


def _opened_modes(host: str, modes: Modes) -> AbstractAsyncContextManager[Hamms]:
    from hamms_trio.app import open_hamms

    return open_hamms(
        host=host,
        beginning_port=modes.beginning_port,
        only=modes.only + modes.more,
        seed=modes.seed,
        speed=modes.speed,
    )


def _opened_workbench(
    host: str, port: int, log_format: str, *, verbose: bool
) -> AbstractAsyncContextManager[RunningServer]:
    from hamms_trio.http.telling.access_log import LogFormat
    from hamms_trio.workbench import open_workbench

    return open_workbench(
        host=host,
        port=port,
        port_option="--workbench-port",
        log_format=LogFormat(log_format),
        log_descriptor=STDERR if verbose else None,
    )


def _workbench_port(chosen: int | None, beginning_port: int, taken: Mapping[str, int]) -> int:
    if chosen is not None:
        for slug, port in taken.items():
            if port == chosen:
                raise ValueError(f"--workbench-port {port} is that of {slug}: choose another")
        return chosen
    port = beginning_port + WORKBENCH_OFFSET if beginning_port else 0
    if port > HIGHEST_PORT:
        raise ValueError(
            f"there is no port {port} for the workbench: choose one with --workbench-port, or do "
            "without it by --no-workbench"
        )
    return port


def _tell_where(hamms: Hamms, workbench: RunningServer | None, ready_file: Path | None) -> None:
    from hamms_trio.cli.process import told, write_ready_file

    with told():
        if ready_file is not None:
            write_ready_file(ready_file, _addresses(hamms, workbench))
        _print_table(hamms, workbench)


def _addresses(hamms: Hamms, workbench: RunningServer | None) -> dict[str, dict[str, object]]:
    """Where everything is found, as the ready file tells it."""
    addresses: dict[str, dict[str, object]] = {
        slug: {"port": port, "url": hamms.url(slug)} for slug, port in hamms.ports.items()
    }
    if workbench is not None:
        addresses["workbench"] = {"port": workbench.port, "url": workbench.url}
    return addresses


def _print_table(hamms: Hamms, workbench: RunningServer | None) -> None:
    from hamms_trio.cli.catalogue import table
    from hamms_trio.modes import CATALOGUE

    if sys.stdout is None:  # closed by whoever started us
        return
    rows = [(str(port), slug, CATALOGUE[slug].summary) for slug, port in hamms.ports.items()]
    if workbench is not None:
        rows.append((str(workbench.port), "workbench", "The well-behaved server."))
    if sys.stdout.isatty():
        _print_rich(rows)
        return
    click.echo("\n".join(table(rows)))


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
