"""``hamms-trio one``: one failure mode at one port, until a signal."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hamms_trio.cli import options
from hamms_trio.cli.running.signals import Signals
from hamms_trio.cli.secure import Secure, secure
from netsplode.usage import Refused

if TYPE_CHECKING:
    from hamms_trio.server import OpenDoor


@click.command(short_help="Serve one failure mode at one port, and print the port.")
@click.argument("slug", metavar="SLUG")
@options.HOST_OPTION
@click.option(
    "--port",
    default=0,
    show_default=True,
    type=options.PORT,
    help="Port to listen on; 0 takes a free one.",
)
@options.SET
@click.option("--seed", default=0, show_default=True, help="Seed of every random choice.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    help="Seconds that pass for a failure mode in one real second.",
)
@options.MODES_FROM
@secure("Serve the mode over TLS; a mode of TLS does so in any case.")
@options.ready_file('slug: {"port", "url"}')
@options.log_format("log lines")
@options.verbose("every connection and request")
def one(
    slug: str,
    host: str,
    port: int,
    given: tuple[str, ...],
    seed: int,
    speed: float,
    modes_from: tuple[str, ...],
    secure: Secure,
    ready_file: Path | None,
    log_format: str,
    verbose: bool,
) -> None:
    """Serve the failure mode SLUG at one port until interrupted, and print the port as the only line."""
    signals = Signals()  # before the imports, which take most of the start
    import trio

    from hamms_trio.app import open_one
    from hamms_trio.cli.running.log import configure_logging
    from hamms_trio.cli.running.process import kept_ready_file, raise_descriptor_limit
    from hamms_trio.errors import CatalogueError, ParameterError, PortUnavailable, UnknownMode
    from hamms_trio.modes.catalogue import modes_of_module

    arguments = options.settings(given)
    configure_logging(log_format, verbose=verbose)
    raise_descriptor_limit()
    try:
        opened = open_one(
            slug,
            arguments,
            host=host,
            port=port,
            modes=[modes_of_module(name) for name in modes_from],
            seed=seed,
            speed=speed,
            tls=secure.tls,
            ca_dir=secure.ca_dir,
            ca_unconstrained=secure.ca_unconstrained,
        )
        with kept_ready_file(ready_file):
            trio.run(_serve, signals, opened, ready_file)
    except (CatalogueError, ParameterError, PortUnavailable, UnknownMode, ValueError) as error:
        raise Refused(str(error)) from None


async def _serve(
    signals: Signals, opened: AbstractAsyncContextManager[OpenDoor], ready_file: Path | None
) -> None:
    """Serve the door until a signal comes, and announce its port."""
    from hamms_trio.cli.running.process import (
        announcing,
        collect_garbage_rarely,
        switch_threads_often,
        write_ready_file,
    )

    async with signals.watched() as signalled, opened as door:
        collect_garbage_rarely()
        switch_threads_often()
        with announcing():
            if ready_file is not None:
                where = {door.name: {"port": door.port, "url": door.url()}}
                write_ready_file(ready_file, where)
            click.echo(str(door.port))
        await signalled.wait()
