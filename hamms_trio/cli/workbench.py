"""``hamms-trio workbench``: the well-behaved server alone, until a signal."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from hamms_trio.cli.signals import Signals

logger = logging.getLogger(__name__)

STDERR = 2


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address or name to listen on; a name's every address. 0.0.0.0 or :: for all.",
)
@click.option(
    "--port",
    default=8080,
    show_default=True,
    envvar="PORT",
    show_envvar=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--engine",
    type=click.Choice(["trio", "threadpool", "selectors"]),
    default="trio",
    show_default=True,
    help="For compatibility: there is one engine, and it is trio.",
)
@click.option(
    "--max-connections",
    default=2048,
    show_default=True,
    type=click.IntRange(1),
    help="More are answered 503.",
)
@click.option(
    "--max-requests",
    default=1000,
    show_default=True,
    type=click.IntRange(0),
    help="On one connection, which ends then; 0 for any number.",
)
@click.option(
    "--keepalive-timeout",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds that a connection may be idle.",
)
@click.option(
    "--head-timeout",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds that a request's head may take, then 408.",
)
@click.option(
    "--body-timeout",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds that a request's body may take, then 408.",
)
@click.option(
    "--drain-timeout",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds that requests in flight are given when a signal comes.",
)
@click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    default="plain",
    show_default=True,
    help="How lines on standard error look.",
)
@click.option(
    "--access-log/--no-access-log",
    default=True,
    show_default=True,
    help="A line on standard error for each answer.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help='Write {"workbench": {"port", "url"}} here once it accepts.',
)
@click.option("-v", "--verbose", is_flag=True, help="Log what else happens.")
def workbench(
    host: str,
    port: int,
    engine: str,
    max_connections: int,
    max_requests: int,
    keepalive_timeout: float,
    head_timeout: float,
    body_timeout: float,
    drain_timeout: float,
    log_format: str,
    access_log: bool,
    ready_file: Path | None,
    verbose: bool,
) -> None:
    """Serve the workbench until interrupted: SIGINT or SIGTERM drains it, a second one ends it now."""
    signals = Signals()
    import trio

    from hamms_trio.cli.log import configure_logging
    from hamms_trio.cli.process import (
        collect_garbage_rarely,
        raise_descriptor_limit,
        write_ready_file,
    )
    from hamms_trio.errors import PortUnavailable
    from hamms_trio.server import ServerLimits
    from hamms_trio.server.access_log import LogFormat
    from hamms_trio.workbench import open_workbench

    limits = ServerLimits(
        connections=max_connections,
        requests=max_requests,
        idle=keepalive_timeout,
        head_seconds=head_timeout,
        content_seconds=body_timeout,
    )

    async def main() -> str | None:
        opened = open_workbench(
            host=host,
            port=port,
            limits=limits,
            log_format=LogFormat(log_format),
            log_descriptor=STDERR if access_log else None,
        )
        async with signals.heeded() as signalled, opened as running:
            collect_garbage_rarely()
            try:
                if ready_file is not None:
                    where = {"port": running.port, "url": running.url}
                    write_ready_file(ready_file, {"workbench": where})
                if sys.stdout is not None:
                    click.echo(f"the workbench is ready on {running.url}")
            except OSError as error:
                return f"can't write {error.filename or 'to standard output'}: {error.strerror}"
            await signalled.wait()
            logger.info("signal_received signal=%s action=drain_and_stop", signals.came)
            await running.drain(drain_timeout)
        return None

    configure_logging(log_format, verbose=verbose)
    if engine != "trio":
        logger.warning("--engine %s is accepted for compatibility; the engine is trio", engine)
    raise_descriptor_limit()
    try:
        problem = trio.run(main)
    except PortUnavailable as error:
        problem = str(error)
    if problem:
        click.echo(f"hamms-trio: {problem}", err=True)
        sys.exit(2)
