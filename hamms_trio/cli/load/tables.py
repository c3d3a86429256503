"""Tables and lines that fit the terminal: a narrow one loses whole columns, and never a digit."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

ENDLESS = 100_000  # columns of a file or a pipe


def open_console() -> Console:
    """Make a console that wraps words on a terminal, and nothing in a file or a pipe."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return Console(highlight=False, width=None if is_terminal else ENDLESS)


def plain_table() -> Table:
    """Make a table without lines."""
    return Table(box=None, pad_edge=False)


def fit(console: Console, candidates: Iterable[Table]) -> Table:
    """Choose the first table that fits the console, or else the last.

    Args:
        console: of the terminal, or of a file or pipe.
        candidates: one table or more, the widest first.
    """
    unbounded = console.options.update(width=ENDLESS)  # or no table would seem too wide
    for candidate in candidates:
        if console.measure(candidate, options=unbounded).maximum <= console.width:
            break
    return candidate


def fold(text: str, cells: int) -> str:
    """Break a text into lines of ``cells`` characters."""
    return "\n".join(text[at : at + cells] for at in range(0, len(text), cells))
