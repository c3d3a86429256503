"""Options that several commands have, and those that belong together as one object."""

from __future__ import annotations

import os
import re
import select
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click
from click.core import ParameterSource

from hamms_trio.version import VERSION
from netsplode.usage import Seconds

C = TypeVar("C", bound=Callable[..., Any])


class Option(Protocol):
    """What adds one or more options to a command."""

    def __call__(self, command: C, /) -> C: ...


class NamedPath(click.Path):
    """A path that is not empty: an unset variable of the shell does not stand for the current directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("it is empty: give a path.", param, ctx)
        return super().convert(value, param, ctx)


PORT = click.IntRange(0, 65535)
FILE = NamedPath(dir_okay=False, path_type=Path)


def given(name: str) -> bool:
    """True if the user gave this parameter to the running command, rather than its default."""
    source = click.get_current_context().get_parameter_source(name)
    return source not in (ParameterSource.DEFAULT, ParameterSource.ENVIRONMENT)


HOST = click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address or name to listen on; a name's every address. 0.0.0.0 or :: for all.",
)


def _host_name(
    context: click.Context, option: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[\w.-]+", name):
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
    help="Let URLs call the workbench so, beside localhost and addresses; may be repeated.",
)

HUBS = ("epoll", "trio")
HUB_VARIABLE = "HAMMS_HUB"  # which `net.hub.open_hub` reads


def engine(*old_names: str) -> Option:
    """``--engine``, which chooses the hub of this process.

    Args:
        old_names: engines of the past, which mean the platform's own hub.
    """

    def choose(context: click.Context, option: click.Parameter, name: str | None) -> str | None:
        if name == "epoll" and not hasattr(select, "epoll"):
            raise click.BadParameter(
                "this platform has no epoll: choose trio", context, param=option
            )
        if name in HUBS:
            os.environ[HUB_VARIABLE] = name
        else:
            os.environ.pop(HUB_VARIABLE, None)
            if name is not None:
                click.echo(
                    f"hamms-trio: --engine {name} is accepted for compatibility; "
                    f"the engines are {' and '.join(HUBS)}",
                    err=True,
                )
        return name

    return click.option(
        "--engine",
        type=click.Choice([*HUBS, *old_names]),
        envvar=HUB_VARIABLE,
        show_envvar=True,
        show_default="epoll where the platform has it",
        expose_value=False,
        callback=choose,
        help="Carry connections by epoll, or by plain trio.",
    )


def chosen_engine() -> str:
    """Return the hub that this process uses."""
    return os.environ.get(HUB_VARIABLE) or ("epoll" if hasattr(select, "epoll") else "trio")


MODES_FROM = click.option(
    "--modes-from",
    multiple=True,
    metavar="MODULE",
    help="Add the failure modes that this module declares, such as package.module; may be repeated.",
)


def drain_timeout(what: str) -> Option:
    """``--drain-timeout``, of the server called ``what``, if there are others."""
    return click.option(
        "--drain-timeout",
        default=5.0,
        show_default=True,
        type=Seconds(0),
        help=f"Seconds that {what}requests in flight are given when a signal comes.",
    )


def log_format(what: str) -> Option:
    """``--log-format``, of ``what`` is written."""
    return click.option(
        "--log-format",
        type=click.Choice(["plain", "json"]),
        default="plain",
        show_default=True,
        help=f"How {what} on standard error look.",
    )


def ready_file(content: str, when: str = "once it accepts") -> Option:
    """``--ready-file``, where a command says that it is ready, and on which port."""
    return click.option("--ready-file", type=FILE, help=f"Write {{{content}}} here {when}.")


def verbose(what: str) -> Option:
    """``--verbose``, for logging ``what``."""
    return click.option("-v", "--verbose", is_flag=True, help=f"Log {what}.")


def max_connections(more: str) -> Option:
    """``--max-connections``, and what becomes of more."""
    return click.option(
        "--max-connections",
        default=2048,
        show_default=True,
        type=click.IntRange(1),
        help=more,
    )


def together(name: str, kind: type, *options: Option) -> Option:
    """Options that the command is given as one object of a dataclass, each as a field of its own name."""

    def decorate(command: C) -> C:
        @wraps(command)
        def with_one(**values: Any) -> Any:
            one = kind(**{field.name: values.pop(field.name) for field in fields(kind)})
            return command(**values, **{name: one})

        decorated: Any = with_one
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]  # as wraps has it

    return decorate


@dataclass(frozen=True, kw_only=True)
class Running:
    """How a server that runs alone is told that it has to end, and how it tells of itself."""

    drain_timeout: float
    log_format: str
    access_log: bool
    ready_file: Path | None
    verbose: bool


def running(key: str) -> Option:
    """What every server that runs alone has; its ready file calls it ``key``."""
    return together(
        "running",
        Running,
        drain_timeout(""),
        log_format("lines"),
        click.option(
            "--access-log/--no-access-log",
            default=True,
            show_default=True,
            help="A line on standard error for each answer.",
        ),
        ready_file(f'"{key}": {{"port", "url"}}'),
        verbose("what else happens"),
    )


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Whether TLS is spoken, where, and with which certificate."""

    enable_tls: bool
    cert_file: Path | None
    key_file: Path | None
    https_port: int
    redirect_http: bool

    def check(self) -> None:
        """Refuse what would be without effect.

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
        """Refuse a ``--port`` that TLS has.

        Raises:
            click.UsageError
        """
        if self.enable_tls and self.redirect_http and port == self.https_port and port:
            raise click.UsageError(
                f"--port and --https-port are both {port}: choose two, or --no-redirect-http"
            )


TLS = together(
    "tls",
    Tls,
    click.option("--enable-tls", is_flag=True, help="Speak https://, on --https-port."),
    click.option(
        "--cert-file",
        type=FILE,
        help="Certificate in PEM, its chain after it. Without one, one is made on the fly.",
    ),
    click.option("--key-file", type=FILE, help="Its key in PEM, unless it is in the same file."),
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
        help="With TLS, send http:// on --port there.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """What each connection may take, and how many there may be."""

    max_connections: int
    max_requests: int
    max_head: int
    max_target: int
    max_body: int
    keepalive_timeout: float
    head_timeout: float
    body_timeout: float
    answer_timeout: float


def _timeout(name: str, seconds: float, what: str) -> Option:
    return click.option(
        name,
        default=seconds,
        show_default=True,
        type=Seconds(0, min_open=True),
        help=f"Seconds that {what}.",
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
    max_connections("128 more are answered 503, and those beyond are reset."),
    click.option(
        "--max-requests",
        default=1000,
        show_default=True,
        type=click.IntRange(0),
        help="On one connection, which ends then; 0 for any number.",
    ),
    _most("--max-head", 16 * 1024, 1 << 20, "of a request's head, then 431"),
    _most("--max-target", 2048, 1 << 20, "of a request's target, then 414"),
    _most("--max-body", 512 * 1024, 1 << 30, "of a request's content, then 413"),
    _timeout("--keepalive-timeout", 10.0, "a connection may be idle"),
    _timeout("--head-timeout", 10.0, "a request's head may take, then 408"),
    _timeout("--body-timeout", 30.0, "a request's body may take, then 408"),
    click.option(
        "--answer-timeout",
        default=60.0,
        show_default=True,
        type=Seconds(0, min_open=True),
        help="Seconds until a route has to begin its answer, then 503.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What the server says of itself, and whether it invites contents."""

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
