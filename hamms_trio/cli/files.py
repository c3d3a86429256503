"""``hamms-trio files``: a directory over HTTP, until a signal."""

from __future__ import annotations

from pathlib import Path

import click

from hamms_trio.cli import options
from hamms_trio.cli.serving import STDERR, serve_alone
from hamms_trio.cli.signals import Signals


@click.command()
@click.argument(
    "directory", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@options.HOST
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--max-connections",
    default=2048,
    show_default=True,
    type=click.IntRange(1),
    help="More have to wait. With 1, requests are answered one after the other.",
)
@options.DRAIN_TIMEOUT
@options.LOG_FORMAT
@options.ACCESS_LOG
@options.ready_file("files")
@options.VERBOSE
def files(
    directory: Path,
    host: str,
    port: int,
    max_connections: int,
    drain_timeout: float,
    log_format: str,
    access_log: bool,
    ready_file: Path | None,
    verbose: bool,
) -> None:
    """Serve the files of DIRECTORY, by default those of the current one, until interrupted."""
    signals = Signals()
    from hamms_trio.cli.log import configure_logging
    from hamms_trio.file_server import open_file_server
    from hamms_trio.server.access_log import LogFormat

    configure_logging(log_format, verbose=verbose)
    opened = open_file_server(
        directory,
        host=host,
        port=port,
        max_connections=max_connections,
        log_format=LogFormat(log_format),
        log_descriptor=STDERR if access_log else None,
    )
    serve_alone(
        signals,
        opened,
        "the file server",
        key="files",
        drain_timeout=drain_timeout,
        ready_file=ready_file,
    )
