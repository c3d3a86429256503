"""Commands that stand for other commands, some of them imported only when they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


class DelegatingCommand(click.Command):
    """A command that leaves some of its invocations, or all of them, to another command."""

    def delegate(self, name: str | None, args: list[str]) -> tuple[click.Command, str | None, int]:
        """Return the command to run, its full name, and the number of arguments that the choice used."""
        return self, name, 0

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Make the context of the command that runs."""
        command, name, used = self.delegate(info_name, args)
        if command is self:
            return super().make_context(name, args, parent, **extra)
        return command.make_context(name, args[used:], parent, **extra)


class LazyCommand(DelegatingCommand):
    """A command in a module that is imported when the command is used.

    Args:
        attribute: the command's name in the module, if that is not the command's own.
    """

    def __init__(self, name: str, module: str, summary: str, attribute: str = "") -> None:
        super().__init__(name, short_help=summary)
        self._module = module
        self._attribute = attribute or name

    def delegate(self, name: str | None, args: list[str]) -> tuple[click.Command, str | None, int]:
        """Import the command."""
        command: click.Command = getattr(import_module(self._module), self._attribute)
        return command, name, 0
