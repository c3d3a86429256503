"""``hamms-trio workbench``: the well-behaved server alone, until a signal."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path

import click

from hamms_trio.cli import options
from hamms_trio.cli.serving import STDERR, certificate_of, serve_alone
from hamms_trio.cli.signals import Signals

logger = logging.getLogger(__name__)


@click.command()
@options.HOST
@click.option(
    "--port",
    show_default="8080; 4221 in codecrafters mode",
    envvar="PORT",
    show_envvar=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--enable-tls", is_flag=True, help="Speak https://, on --https-port.")
@click.option(
    "--cert-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Certificate in PEM, its chain after it. Without one, one is made on the fly.",
)
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Its key in PEM, unless it is in the same file.",
)
@click.option(
    "--https-port",
    default=8443,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port for TLS; 0 takes a free one.",
)
@click.option(
    "--redirect-http/--no-redirect-http",
    default=True,
    show_default=True,
    help="With TLS, send http:// on --port there.",
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
    type=options.Seconds(0, min_open=True),
    help="Seconds that a connection may be idle.",
)
@click.option(
    "--head-timeout",
    default=10.0,
    show_default=True,
    type=options.Seconds(0, min_open=True),
    help="Seconds that a request's head may take, then 408.",
)
@click.option(
    "--body-timeout",
    default=30.0,
    show_default=True,
    type=options.Seconds(0, min_open=True),
    help="Seconds that a request's body may take, then 408.",
)
@click.option(
    "--answer-timeout",
    default=60.0,
    show_default=True,
    type=options.Seconds(0, min_open=True),
    help="Seconds until a route has to begin its answer, then 503.",
)
@click.option(
    "--codecrafters-mode",
    is_flag=True,
    help="Serve the routes of the codecrafters.io challenge too: /echo/, /user-agent, /files/.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    help="What /files/ reads and writes in codecrafters mode.",
)
@options.DRAIN_TIMEOUT
@options.LOG_FORMAT
@options.ACCESS_LOG
@options.ready_file("workbench")
@options.VERBOSE
def workbench(
    host: str,
    port: int | None,
    enable_tls: bool,
    cert_file: Path | None,
    key_file: Path | None,
    https_port: int,
    redirect_http: bool,
    engine: str,
    max_connections: int,
    max_requests: int,
    keepalive_timeout: float,
    head_timeout: float,
    body_timeout: float,
    answer_timeout: float,
    codecrafters_mode: bool,
    directory: Path | None,
    drain_timeout: float,
    log_format: str,
    access_log: bool,
    ready_file: Path | None,
    verbose: bool,
) -> None:
    """Serve the workbench until interrupted: SIGINT or SIGTERM drains it, a second one ends it now."""
    if directory is not None and not codecrafters_mode:
        raise click.UsageError("--directory is for --codecrafters-mode")
    given = options.given
    if (cert_file or key_file) and not enable_tls:
        raise click.UsageError("--cert-file and --key-file are for --enable-tls")
    if not enable_tls and (given("https_port") or given("redirect_http")):
        raise click.UsageError("--https-port and --redirect-http are for --enable-tls")
    if directory is not None and not directory.is_dir():
        raise click.UsageError(f"--directory {directory} is no directory")
    if key_file and not cert_file:
        raise click.UsageError("--key-file goes with --cert-file")
    signals = Signals()
    from hamms_trio.cli.log import configure_logging
    from hamms_trio.server import ServerLimits
    from hamms_trio.server.access_log import LogFormat
    from hamms_trio.workbench import CHALLENGE_PORT, WORKBENCH_PORT, open_workbench

    configure_logging(log_format, verbose=verbose)
    if engine != "trio":
        logger.warning("--engine %s is accepted for compatibility; the engine is trio", engine)
    if port is None:
        port = CHALLENGE_PORT if codecrafters_mode else WORKBENCH_PORT
    limits = ServerLimits(
        connections=max_connections,
        requests=max_requests,
        idle=keepalive_timeout,
        head_seconds=head_timeout,
        content_seconds=body_timeout,
        answer_seconds=answer_timeout,
    )
    with ExitStack() as stack:
        certificate = None
        if enable_tls:
            certificate = stack.enter_context(certificate_of(cert_file, key_file))
        opened = open_workbench(
            host=host,
            port=https_port if enable_tls else port,
            port_option="--https-port" if enable_tls else "--port",
            limits=limits,
            log_format=LogFormat(log_format),
            log_descriptor=STDERR if access_log else None,
            certificate=certificate,
            redirect_port=port if enable_tls and redirect_http else None,
            challenge=codecrafters_mode,
            directory=directory,
        )
        serve_alone(
            signals,
            opened,
            "the workbench",
            key="workbench",
            drain_timeout=drain_timeout,
            ready_file=ready_file,
        )
