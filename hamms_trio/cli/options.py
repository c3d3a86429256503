"""Options shared by several commands, and groups of options that become one object."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click
from click.core import ParameterSource

from hamms_trio.cli.engines import (
    chosen_engine as chosen_engine,
    engine as engine,
    old_engine as old_engine,
)
from hamms_trio.version import VERSION
from netsplode.usage import Seconds

C = TypeVar("C", bound=Callable[..., Any])


class Option(Protocol):
    """A decorator that adds one or more options to a command."""

    def __call__(self, command: C, /) -> C: ...


class NamedPath(click.Path):
    """A path that must not be empty, so that an unset shell variable does not mean the current directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("it is empty: give a path.", param, ctx)
        return super().convert(value, param, ctx)


PORT = click.IntRange(0, 65535)
FILE = NamedPath(dir_okay=False, path_type=Path)
STANDARD_OUTPUT = "-"  # instead of a file's name


def given(name: str) -> bool:
    """Return True if the user gave this parameter on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source not in (ParameterSource.DEFAULT, ParameterSource.ENVIRONMENT)


HOST_OPTION = click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address or name to listen on (all addresses of the name); 0.0.0.0 or :: for all interfaces.",
)


def _host_name(
    context: click.Context, option: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    for name in names:
        if name != "*" and not re.fullmatch(r"[\w.-]+", name):
            raise click.BadParameter(
                f"{name!r} is no host name: give one without scheme and port", context, param=option
            )
    return names


ALLOW_HOST = click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    callback=_host_name,
    help="Answer requests with this Host too, besides localhost and IP addresses (* for all); may be repeated.",
)


def _targets(
    context: click.Context, option: click.Parameter, entries: tuple[str, ...]
) -> tuple[str, ...]:
    if entries:
        from hamms_trio.workbench.targets.allowed import AllowedTargets

        try:
            AllowedTargets(entries)
        except ValueError as error:
            raise click.BadParameter(str(error), context, param=option) from None
    return entries


ALLOW_TARGET = click.option(
    "--allow-target",
    "allow_targets",
    multiple=True,
    metavar="HOST",
    envvar="HAMMS_ALLOW_TARGET",
    callback=_targets,
    help="A host name, address or network that targets may have, besides loopback; may be repeated.",
)


def _importable(
    context: click.Context, option: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Make modules of the current directory importable, after all others, as with ``python -m``."""
    if names and (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    return names


MODES_FROM = click.option(
    "--modes-from",
    multiple=True,
    metavar="MODULE",
    callback=_importable,
    help="Add the failure modes that this module declares, such as package.module; may be repeated.",
)


SET = click.option(
    "--set",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="Give the failure mode a parameter or a modifier; may be repeated.",
)


def settings(given: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters that ``--set`` gives.

    Raises:
        click.BadParameter: one is not NAME=VALUE.
    """
    pairs = [text.partition("=") for text in given]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name!r} is not NAME=VALUE", param_hint="--set")
    return {name.replace("-", "_"): value for name, _, value in pairs}


def drain_timeout(owner: str) -> Option:
    """Make ``--drain-timeout``; ``owner`` names the server that drains, where a command runs several."""
    return click.option(
        "--drain-timeout",
        default=5.0,
        show_default=True,
        type=Seconds(0),
        help=f"Seconds for {owner}requests in flight to complete after a signal.",
    )


def log_format(lines: str) -> Option:
    """Make ``--log-format``; ``lines`` names the log lines."""
    return click.option(
        "--log-format",
        type=click.Choice(["plain", "json"]),
        default="plain",
        show_default=True,
        help=f"Format of {lines} on standard error.",
    )


def ready_file(content: str, when: str = "once the server accepts") -> Option:
    """Make ``--ready-file``, the file that announces the ports."""
    return click.option("--ready-file", type=FILE, help=f"File to write {{{content}}} to {when}.")


def verbose(events: str) -> Option:
    """Make ``--verbose``, which logs ``events``."""
    return click.option("-v", "--verbose", is_flag=True, help=f"Log {events}.")


def max_connections(excess: str) -> Option:
    """Make ``--max-connections``; ``excess`` is its help, which states the fate of further connections."""
    return click.option(
        "--max-connections",
        default=2048,
        show_default=True,
        type=click.IntRange(1),
        help=excess,
    )


def together(name: str, kind: type, *options: Option) -> Option:
    """Group options into one dataclass object, which the command receives as its argument ``name``."""

    def decorate(command: C) -> C:
        @wraps(command)
        def with_one(**values: Any) -> Any:
            names = [field.name for field in fields(kind) if field.name in values]
            one = kind(**{name: values.pop(name) for name in names})
            return command(**values, **{name: one})

        decorated: Any = with_one
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]  # as wraps has it

    return decorate


@dataclass(frozen=True, kw_only=True)
class RunningOptions:
    """The options for running one server: drain, logs and ready file."""

    drain_timeout: float
    log_format: str
    access_log: bool
    ready_file: Path | None
    verbose: bool


def running(key: str) -> Option:
    """Make the options of a command that runs one server, named ``key`` in its ready file."""
    return together(
        "running",
        RunningOptions,
        drain_timeout(""),
        log_format("lines"),
        click.option(
            "--access-log/--no-access-log",
            default=True,
            show_default=True,
            help="Write a line to standard error for each answer.",
        ),
        ready_file(f'"{key}": {{"port", "url"}}'),
        verbose("connections and other events"),
    )


@dataclass(frozen=True, kw_only=True)
class TlsOptions:
    """The options for TLS: switch, port and certificate."""

    enable_tls: bool
    cert_file: Path | None
    key_file: Path | None
    https_port: int
    redirect_http: bool

    def check(self) -> None:
        """Refuse options without effect.

        Raises:
            click.UsageError
        """
        if (self.cert_file or self.key_file) and not self.enable_tls:
            raise click.UsageError("--cert-file and --key-file are for --enable-tls")
        if not self.enable_tls and (given("https_port") or given("redirect_http")):
            raise click.UsageError("--https-port and --redirect-http are for --enable-tls")
        if self.key_file and not self.cert_file:
            raise click.UsageError("--key-file goes with --cert-file")

    def check_ports(self, port: int) -> None:
        """Refuse a ``--port`` that equals the port of TLS.

        Raises:
            click.UsageError
        """
        if self.enable_tls and self.redirect_http and port == self.https_port and port:
            raise click.UsageError(
                f"--port and --https-port are both {port}: choose two, or --no-redirect-http"
            )


TLS_OPTIONS = together(
    "tls",
    TlsOptions,
    click.option("--enable-tls", is_flag=True, help="Speak https://, on --https-port."),
    click.option(
        "--cert-file",
        type=FILE,
        help="Certificate in PEM, followed by its chain; without this option, a throwaway one is made.",
    ),
    click.option(
        "--key-file", type=FILE, help="Key in PEM, unless the certificate's file contains it."
    ),
    click.option(
        "--https-port",
        default=8443,
        show_default=True,
        type=PORT,
        help="Port for TLS; 0 takes a free one.",
    ),
    click.option(
        "--redirect-http/--no-redirect-http",
        default=True,
        show_default=True,
        help="With TLS, redirect http:// on --port to https://.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """The limits of each connection, and of their number."""

    max_connections: int
    max_requests: int
    max_head: int
    max_target: int
    max_body: int
    keepalive_timeout: float
    head_timeout: float
    body_timeout: float
    answer_timeout: float


def _timeout(name: str, seconds: float, limit: str) -> Option:
    return click.option(
        name,
        default=seconds,
        show_default=True,
        type=Seconds(0, min_open=True),
        help=f"Seconds that {limit}.",
    )


def _most(name: str, octets: int, highest: int, what: str) -> Option:
    return click.option(
        name,
        default=octets,
        show_default=True,
        type=click.IntRange(64, highest),
        help=f"Octets {what}.",
    )


LIMITS = together(
    "limits",
    ConnectionLimits,
    max_connections("Limit of connections; the next 128 get 503, any others are reset."),
    click.option(
        "--max-requests",
        default=1000,
        show_default=True,
        type=click.IntRange(0),
        help="Requests per connection before the server closes it; 0 for no limit.",
    ),
    _most("--max-head", 16 * 1024, 1 << 20, "of a request's head, then 431"),
    _most("--max-target", 2048, 1 << 20, "of a request's target, then 414"),
    _most("--max-body", 512 * 1024, 1 << 30, "of a request's content, then 413"),
    _timeout("--keepalive-timeout", 10.0, "a connection may be idle"),
    _timeout("--head-timeout", 10.0, "a request's head may take before 408"),
    _timeout("--body-timeout", 30.0, "a request's body may take before 408"),
    click.option(
        "--answer-timeout",
        default=60.0,
        show_default=True,
        type=Seconds(0, min_open=True),
        help="Seconds that a route may take to begin its answer, before 503.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Manners:
    """The Server field, and whether clients that wait for 100 (Continue) receive it."""

    server_name: str
    expect_continue: bool


def _server_name(context: click.Context, option: click.Parameter, name: str) -> str:
    if not re.fullmatch(r"(?:[!-~](?:[ -~]*[!-~])?)?", name):
        raise click.BadParameter(
            f"{name!r} can't be the value of a field: use visible ASCII", context, param=option
        )
    return name


MANNERS = together(
    "manners",
    Manners,
    click.option(
        "--server-name",
        default=f"Hamms/{VERSION}",
        show_default=True,
        metavar="TEXT",
        callback=_server_name,
        help="The Server field of responses; empty for none.",
    ),
    click.option(
        "--expect-continue/--no-expect-continue",
        default=True,
        show_default=True,
        help="Answer 100 (Continue) to clients that wait for it.",
    ),
)
