"""``--engine``: the hub that carries the connections of a command, and former engines' names."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hamms_trio.cli.options import Option

HUBS = ("epoll", "trio")
HUB_VARIABLE = "HAMMS_HUB"  # which `net.hub.open_hub` reads


OLD_ENGINE = "hamms_trio.old_engine"  # its place in click's context


def engine(*old_names: str) -> Option:
    """``--engine``, which chooses the hub of this process.

    Args:
        old_names: former engines, which select the platform's default hub.
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
            context.meta[OLD_ENGINE] = name
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


def old_engine() -> str | None:
    """Return the former engine that the user named, if any."""
    name: str | None = click.get_current_context().meta.get(OLD_ENGINE)
    return name


def chosen_engine() -> str:
    """Return the hub that this process uses."""
    return os.environ.get(HUB_VARIABLE) or ("epoll" if hasattr(select, "epoll") else "trio")
