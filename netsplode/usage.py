"""Bad usage of a command, reported in one line on standard error and by exit code 2.

click itself prints four lines, and only the last one names the mistake.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import IO, Any

import click

# Errors of a standard output that is full. click handles EPIPE, which means that nobody reads any more.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
# click raises this where no command is named; in newer releases it is a UsageError.
_HELP: type[click.UsageError] | tuple[()] = getattr(click.exceptions, "NoArgsIsHelpError", ())


class Refused(click.ClickException):
    """An error that ends the command; the message names the mistake and the remedy."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(message)
        context = click.get_current_context(silent=True)
        self._program = None if context is None else context.find_root().info_name

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line, with control characters of the user's input escaped."""
        line = f"{self._program}: {self.message}" if self._program else self.message
        click.echo("".join(map(_visible, line)), file=file, err=True)


class Seconds(click.FloatRange):
    """A finite number of seconds; NaN would pass every comparison."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds: float = super().convert(value, param, ctx)
        if not isfinite(seconds):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return seconds


class Commands(click.Group):
    """A group of commands that report bad usage in one line."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        with _bad_usage_refused(click.Context(self, parent, info_name)):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _bad_usage_refused(ctx):
            return super().invoke(ctx)


@contextmanager
def _bad_usage_refused(group: click.Context) -> Iterator[None]:
    try:
        yield
    except _HELP:
        raise
    except OSError as error:
        if error.errno not in _FULL:
            raise
        with group.scope(cleanup=False):
            raise Refused(f"can't write to standard output: {error.strerror}") from None
    except click.UsageError as error:
        problem = error.format_message().rstrip(".")
        joint = " See" if problem.endswith("?") else "; see"
        with group.scope(cleanup=False):
            raise Refused(f"{problem}{joint} `{_asked(error, group)} --help`") from None


def _asked(error: click.UsageError, group: click.Context) -> str:
    """Return the command that was used badly, as the user called it."""
    if error.ctx is not None:
        return error.ctx.command_path
    # click does not say which command lacks an option's value.
    return " ".join(filter(None, (group.command_path, group.invoked_subcommand)))


def _visible(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]
