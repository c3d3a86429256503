"""``hamms-trio workbench``: the well-behaved server by itself, until a signal."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hamms_trio.cli import options
from hamms_trio.cli.records import RECORDS, Records
from hamms_trio.cli.running.serving import certificate_of, configure_logs, serve_alone
from hamms_trio.cli.running.signals import Signals
from hamms_trio.cli.settings import settings_lines

if TYPE_CHECKING:
    from hamms_trio.http import ServerLimits


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """The options for the codecrafters.io challenge: its routes and the directory of /files/."""

    codecrafters_mode: bool
    directory: Path | None

    def check(self) -> None:
        """Refuse a directory that can't be served.

        Raises:
            click.UsageError
        """
        if self.directory is not None and not self.codecrafters_mode:
            raise click.UsageError("--directory is for --codecrafters-mode")
        if self.directory and not os.access(os.path.join(self.directory, "."), os.X_OK):
            raise click.UsageError(
                f"--directory {self.directory} is no directory, or may not be searched"
            )


CHALLENGE_OPTIONS = options.together(
    "challenge",
    Challenge,
    click.option(
        "--codecrafters-mode",
        is_flag=True,
        help="Serve the routes of the codecrafters.io challenge too: /echo/, /user-agent, /files/.",
    ),
    click.option(
        "--directory",
        type=options.NamedPath(path_type=Path),
        help="Directory that /files/ reads and writes in codecrafters mode.",
    ),
)


@click.command(short_help="Serve the workbench, the well-behaved server.")
@options.HOST_OPTION
@click.option(
    "--port",
    show_default="8080; 4221 in codecrafters mode",
    envvar="PORT",
    show_envvar=True,
    type=options.PORT,
    help="Port to listen on; 0 takes a free one.",
)
@options.ALLOW_HOST
@options.TLS_OPTIONS
@options.engine("threadpool", "selectors")
@options.LIMITS
@options.MANNERS
@CHALLENGE_OPTIONS
@RECORDS
@options.running("workbench")
@click.option("--dry-run", is_flag=True, help="Print the settings, and serve nothing.")
@click.pass_context
def workbench(
    context: click.Context,
    host: str,
    port: int | None,
    allow_hosts: tuple[str, ...],
    tls: options.TlsOptions,
    limits: options.ConnectionLimits,
    manners: options.Manners,
    challenge: Challenge,
    records: Records,
    running: options.RunningOptions,
    dry_run: bool,
) -> None:
    """Serve the workbench until SIGINT or SIGTERM, which drains it; a second signal ends it at once."""
    challenge.check()
    tls.check()
    signals = Signals()
    from hamms_trio.workbench import CHALLENGE_PORT, WORKBENCH_PORT, open_workbench

    if port is None:
        port = CHALLENGE_PORT if challenge.codecrafters_mode else WORKBENCH_PORT
    tls.check_ports(port)
    if dry_run:
        hidden = ["dry_run"] if tls.enable_tls else ["dry_run", "https_port", "redirect_http"]
        lines = settings_lines(context, hidden, port=port, engine=options.chosen_engine())
        click.echo("\n".join(lines))
        return
    logs = configure_logs(running)
    with ExitStack() as stack:
        certificate = stack.enter_context(certificate_of(tls))
        opened = open_workbench(
            host=host,
            port=tls.https_port if tls.enable_tls else port,
            port_option="--https-port" if tls.enable_tls else "--port",
            limits=_server_limits(limits),
            certificate=certificate,
            redirect_port=port if tls.enable_tls and tls.redirect_http else None,
            challenge=challenge.codecrafters_mode,
            directory=challenge.directory,
            allow_hosts=allow_hosts,
            server_name=manners.server_name,
            expect_continue=manners.expect_continue,
            options=records.chosen(),
            **logs,
        )
        serve_alone(signals, opened, "the workbench", key="workbench", running=running)


def _server_limits(limits: options.ConnectionLimits) -> ServerLimits:
    from hamms_trio.http import ServerLimits

    return ServerLimits(
        connections=limits.max_connections,
        requests=limits.max_requests,
        head=limits.max_head,
        target=limits.max_target,
        content=limits.max_body,
        content_total=max(ServerLimits().content_total, limits.max_body),
        idle=limits.keepalive_timeout,
        head_seconds=limits.head_timeout,
        content_seconds=limits.body_timeout,
        answer_seconds=limits.answer_timeout,
    )
