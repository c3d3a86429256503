"""``hamms-trio files``: a directory over HTTP, until a signal."""

from __future__ import annotations

from pathlib import Path

import click

from hamms_trio.cli import options
from hamms_trio.cli.running.serving import configure_logs, serve_alone
from hamms_trio.cli.running.signals import Signals


@click.command(short_help="Serve the files of a directory.")
@click.argument(
    "directory", default=".", type=options.NamedPath(exists=True, file_okay=False, path_type=Path)
)
@options.HOST_OPTION
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=options.PORT,
    help="Port to listen on; 0 takes a free one.",
)
@options.max_connections(
    "Further connections wait. With 1, requests are answered one after the other."
)
@options.engine()
@options.running("files")
def files(
    directory: Path, host: str, port: int, max_connections: int, running: options.RunningOptions
) -> None:
    """Serve the files of DIRECTORY, by default the current one, until interrupted."""
    signals = Signals()
    from hamms_trio.file_server import open_file_server

    opened = open_file_server(
        directory,
        host=host,
        port=port,
        max_connections=max_connections,
        **configure_logs(running),
    )
    serve_alone(signals, opened, "the file server", key="files", running=running)
