"""``hamms-trio serve``: every failure mode on its port, until a signal."""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hamms_trio.cli import options
from hamms_trio.cli.options import given
from hamms_trio.cli.running.signals import Signals
from hamms_trio.cli.secure import Secure, secure
from hamms_trio.line_writer import STDERR
from netsplode.usage import Refused

if TYPE_CHECKING:
    from hamms_trio.app import Hamms

HIGHEST_BEGINNING_PORT = 65535 - 100  # the workbench has the highest offset


@dataclass(frozen=True, kw_only=True)
class ModeOptions:
    """The options for the failure modes to serve."""

    beginning_port: int
    only: tuple[str, ...]
    more: tuple[str, ...]
    modes_from: tuple[str, ...]
    seed: int
    speed: float
    allow_hosts: tuple[str, ...]
    canary_file: Path | None


MODES = options.together(
    "modes",
    ModeOptions,
    click.option(
        "--beginning-port",
        default=5500,
        show_default=True,
        type=click.IntRange(0, HIGHEST_BEGINNING_PORT),
        help="Each mode listens on this plus its offset, the path door on 99 more, and the workbench "
        "on 100 more; 0 takes free ports.",
    ),
    click.option(
        "--only",
        multiple=True,
        metavar="SLUG",
        help="Serve this failure mode only, as SLUG alone does; may be repeated.",
    ),
    click.argument("more", nargs=-1, metavar="[SLUG]..."),
    options.MODES_FROM,
    click.option("--seed", default=0, show_default=True, help="Seed of every random choice."),
    click.option(
        "--speed",
        default=1.0,
        show_default=True,
        help="Seconds that pass for a failure mode in one real second.",
    ),
    click.option(
        "--canary-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The only file to which redirect-to-file leads, instead of /hamms-canary.txt.",
    ),
    options.ALLOW_HOST,
)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """The options for the workbench beside the failure modes."""

    workbench_port: int | None
    with_workbench: bool
    allow_targets: tuple[str, ...]
    state: str
    drain_timeout: float


BESIDE_OPTIONS = options.together(
    "beside",
    Beside,
    click.option(
        "--workbench-port",
        type=options.PORT,
        help="The workbench's port instead of the beginning port plus 100; 0 takes a free one.",
    ),
    click.option(
        "--workbench/--no-workbench",
        "with_workbench",
        default=True,
        show_default=True,
        help="Serve the workbench, the well-behaved server, beside the failure modes.",
    ),
    options.ALLOW_TARGET,
    click.option(
        "--state",
        default=":memory:",
        show_default=True,
        envvar="HAMMS_STATE",
        show_envvar=True,
        help="The workbench's state file, created if missing; :memory: for none.",
    ),
    options.drain_timeout("the workbench's "),
)


@click.command(short_help="Serve every failure mode, each on its own port.")
@options.HOST_OPTION
@MODES
@options.engine()
@options.ready_file('slug: {"port", "url"}', "once every port accepts")
@options.log_format("log lines")
@BESIDE_OPTIONS
@secure("Serve each mode that speaks HTTP over TLS as well, 1000 ports higher.")
@options.verbose("every connection and request")
def serve(
    host: str,
    modes: ModeOptions,
    ready_file: Path | None,
    log_format: str,
    beside: Beside,
    secure: Secure,
    verbose: bool,
) -> None:
    """Serve every failure mode, or those called SLUG, until interrupted (SIGINT or SIGTERM)."""
    if not beside.with_workbench:
        for name in ("workbench_port", "state", "drain_timeout"):
            if given(name):
                option = name.replace("_", "-")
                raise click.UsageError(f"--{option} is for the workbench: leave out --no-workbench")

    signals = Signals()  # before the imports, which take most of the start
    import trio

    from hamms_trio.cli.running.log import configure_logging
    from hamms_trio.cli.running.process import (
        collect_garbage_rarely,
        kept_ready_file,
        raise_descriptor_limit,
        switch_threads_often,
    )
    from hamms_trio.errors import CatalogueError, PortUnavailable, StateUnusable, UnknownMode

    async def main() -> None:
        async with AsyncExitStack() as stack:
            signalled = await stack.enter_async_context(signals.watched())
            hamms = await stack.enter_async_context(
                _opened(host, modes, beside, secure, log_format, verbose)
            )
            collect_garbage_rarely()
            switch_threads_often()
            _announce(hamms, ready_file)
            if not verbose and sys.stdout is not None and sys.stdout.isatty():
                from hamms_trio.cli.running.request_lines import showing_requests

                await stack.enter_async_context(showing_requests(hamms))
            await signalled.wait()
            if hamms.has_workbench:
                await hamms.workbench.drain(beside.drain_timeout)

    configure_logging(log_format, verbose=verbose)
    raise_descriptor_limit()
    try:
        with kept_ready_file(ready_file):
            trio.run(main)
    except (CatalogueError, PortUnavailable, StateUnusable, UnknownMode, ValueError) as error:
        raise Refused(str(error)) from None


def _opened(
    host: str, modes: ModeOptions, beside: Beside, secure: Secure, log_format: str, verbose: bool
) -> AbstractAsyncContextManager[Hamms]:
    from hamms_trio.app import WorkbenchSettings, open_hamms
    from hamms_trio.modes.catalogue import modes_of_module

    workbench = WorkbenchSettings(
        port=beside.workbench_port,
        log_format=log_format,
        log_descriptor=STDERR if verbose else None,
        allow_hosts=modes.allow_hosts,
        allow_targets=beside.allow_targets,
        state=beside.state,
    )
    return open_hamms(
        host=host,
        beginning_port=modes.beginning_port,
        only=modes.only + modes.more,
        modes=[modes_of_module(name) for name in modes.modes_from],
        seed=modes.seed,
        speed=modes.speed,
        allow_hosts=modes.allow_hosts,
        workbench=workbench if beside.with_workbench else False,
        canary_file=modes.canary_file,
        tls=secure.tls,
        ca_dir=secure.ca_dir,
        ca_unconstrained=secure.ca_unconstrained,
    )


def _announce(hamms: Hamms, ready_file: Path | None) -> None:
    from hamms_trio.cli.running.process import announcing, write_ready_file

    with announcing():
        if ready_file is not None:
            write_ready_file(ready_file, _addresses(hamms))
        _print_table(hamms)


def _addresses(hamms: Hamms) -> dict[str, dict[str, object]]:
    """List the addresses of all ports, for the ready file."""
    addresses: dict[str, dict[str, object]] = {
        name: {"port": port, "url": hamms.url(name)} for name, port in hamms.ports.items()
    }
    if hamms.has_workbench:
        addresses["workbench"] = {"port": hamms.workbench.port, "url": hamms.workbench.url()}
    return addresses


def _print_table(hamms: Hamms) -> None:
    from hamms_trio.cli.catalogue import table

    if sys.stdout is None:  # closed before we started
        return
    summaries = {door.name: door.summary for door in hamms.listening}
    twins = _orderly_twins(hamms)
    rows = [
        (str(port), name, summaries[name])
        for name, port in hamms.ports.items()
        if name not in twins
    ]
    if hamms.has_workbench:
        rows.append((str(hamms.workbench.port), "workbench", "The well-behaved server."))
    if sys.stdout.isatty():
        _print_rich(rows)
    else:
        click.echo("\n".join(table(rows)))
    if twins:
        lowest, highest = min(twins.values()), max(twins.values())
        click.echo(f"{lowest} to {highest}: https twins, each 1000 above its port of plain HTTP")
    click.echo(f"seed {hamms.seed}: the same seed makes the same choices again")


def _orderly_twins(hamms: Hamms) -> dict[str, int]:
    """Return the ports of TLS twins at the usual distance from their door, which one line can list."""
    from hamms_trio.lab.doors import TWIN_PREFIX
    from hamms_trio.lab.secure.twins import TWIN_OFFSET

    return {
        name: port
        for name, port in hamms.ports.items()
        if name.startswith(TWIN_PREFIX)
        and port == hamms.ports[name.removeprefix(TWIN_PREFIX)] + TWIN_OFFSET
    }


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
