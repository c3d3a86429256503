"""``hamms-trio scenario live``: a running workbench on a terminal, or one event a line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from hamms_trio.cli.remote import Remote, WorkbenchUnreachable
from hamms_trio.cli.scenario.keys import Keyboard, open_keys
from hamms_trio.cli.scenario.seen import TOPICS, Seen, words_of

if TYPE_CHECKING:
    from rich.console import Console

POLL_SECONDS = 1.0  # between two requests for events
EVENTS_AT_ONCE = 300  # in one answer


def watch(remote: Remote, *, refresh: float, failed_only: bool, no_color: bool) -> None:
    """Show a workbench until the user quits.

    Args:
        refresh: seconds between two looks at the keys.

    Raises:
        Unreachable: nothing answers at the beginning.
        AnswerRefused: the workbench refuses.
    """
    from rich.console import Console

    seen = Seen(failed_only=failed_only)
    _update(seen, remote)
    console = Console(no_color=no_color or None, highlight=False)
    has_screen = console.is_terminal and not console.is_dumb_terminal and not remote.json
    with open_keys() as keys:
        turns = _turns(seen, remote, keys, refresh)
        try:
            if has_screen:
                _show_screens(console, seen, turns)
            else:
                _print_lines(seen, turns, as_json=remote.json)
        except KeyboardInterrupt:
            return


def _update(seen: Seen, remote: Remote) -> None:
    page = remote.ask(
        "GET",
        "/api/events/snapshot",
        None,
        since_id=seen.cursor,
        limit=EVENTS_AT_ONCE,
        topics=TOPICS,
    )
    seen.take(page, remote.ask("GET", "/_metrics"))


def _turns(seen: Seen, remote: Remote, keys: Keyboard, refresh: float) -> Iterator[None]:
    """Yield whenever there is something to show, until the user quits."""
    due = time.monotonic() + POLL_SECONDS
    yield
    while (key := keys.wait(refresh)) != "q":
        if key == "f":
            seen.failed_only = not seen.failed_only
        elif key == "c":
            seen.clear()
        elif key == "r":
            seen.reset()
        now = time.monotonic()
        if now >= due or key == "r":
            due = now + POLL_SECONDS
            try:
                _update(seen, remote)
            except WorkbenchUnreachable as error:
                seen.problem = error.message
        yield


def _show_screens(console: Console, seen: Seen, turns: Iterator[None]) -> None:
    from rich.live import Live

    from hamms_trio.cli.scenario.screen import screen

    with Live(console=console, screen=True, auto_refresh=False) as live:
        for _ in turns:
            live.update(screen(seen, console.size.height), refresh=True)


def _print_lines(seen: Seen, turns: Iterator[None], *, as_json: bool) -> None:
    for _ in turns:
        for event in seen.take_new():
            line = f"{event['ts']}  {words_of(event)}"
            click.echo(json.dumps(event, sort_keys=True) if as_json else line)
