"""The settings of a command, as ``--dry-run`` prints them."""

from __future__ import annotations

from collections.abc import Collection
from shlex import quote

import click
from click.core import ParameterSource

from hamms_trio.wire.masking import mask

_ORIGINS = {
    ParameterSource.COMMANDLINE: "command line",
    ParameterSource.ENVIRONMENT: "environment",
}


def settings_lines(
    context: click.Context, hidden: Collection[str], **resolved: object
) -> list[str]:
    """Describe the command that runs as a line to paste, and where each of its settings comes from.

    Args:
        hidden: parameters to leave out.
        resolved: settings that depend on others, by parameter.
    """
    words, lines = [context.command_path], []
    for option in context.command.params:
        name = option.name or ""
        is_shown = name in context.params | resolved and name not in hidden
        if not isinstance(option, click.Option) or not is_shown:
            continue
        value = resolved.get(name, context.params.get(name))
        source = context.get_parameter_source(name) or ParameterSource.DEFAULT
        origin = _ORIGINS.get(source, "default")
        for text in _as_given(option, value):
            words.append(text)
            lines.append(f"{text}  ({origin})")
    return [f"Resolved command: {' '.join(words)}", *lines]


def _as_given(option: click.Option, value: object) -> list[str]:
    """Return an option as a user gives it, with secrets masked; nothing for an option without a value."""
    name = option.opts[0]
    if option.is_flag:
        off = option.secondary_opts
        return [name] if value else off[:1]
    values = value if isinstance(value, tuple) else (value,)
    given_values = [str(one) for one in values if one is not None]
    # Neither a number nor a path is a secret.
    if isinstance(option.type, click.types.StringParamType):
        given_values = [
            one and mask(f"?{option.name}={one}").partition("=")[2] for one in given_values
        ]
    return [f"{name} {quote(one)}" for one in given_values]
