"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

C = TypeVar("C", bound=Callable[..., Any])


class Seconds(click.FloatRange):
    """A time that passes: neither NaN, which no comparison refuses, nor infinity."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds: float = super().convert(value, param, ctx)
        if not isfinite(seconds):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return seconds


HOST = click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address or name to listen on; a name's every address. 0.0.0.0 or :: for all.",
)
DRAIN_TIMEOUT = click.option(
    "--drain-timeout",
    default=5.0,
    show_default=True,
    type=Seconds(0),
    help="Seconds that requests in flight are given when a signal comes.",
)
LOG_FORMAT = click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    default="plain",
    show_default=True,
    help="How lines on standard error look.",
)
ACCESS_LOG = click.option(
    "--access-log/--no-access-log",
    default=True,
    show_default=True,
    help="A line on standard error for each answer.",
)
VERBOSE = click.option("-v", "--verbose", is_flag=True, help="Log what else happens.")


def given(name: str) -> bool:
    """Whether the user gave this parameter of the running command, rather than its default."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not ParameterSource.DEFAULT


def ready_file(what: str) -> Callable[[C], C]:
    """``--ready-file``, where a command says that it is ready, and on which port."""
    return click.option(
        "--ready-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f'Write {{"{what}": {{"port", "url"}}}} here once it accepts.',
    )
