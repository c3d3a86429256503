"""The line on the terminal while a check runs, and the signals that end it early."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from hamms_trio.check.client import Tested
from hamms_trio.check.report import CheckReport, ModeReport
from hamms_trio.check.running.options import OnProgress, Options, no_progress
from hamms_trio.checking import run_check
from hamms_trio.modes.catalogue import ModeSource
from hamms_trio.net.nursery import ungrouped


async def checked(
    tested: Tested, options: Options, modes: tuple[ModeSource, ...], on_progress: OnProgress
) -> CheckReport:
    """Check a client; the first SIGINT or SIGTERM ends the run with a report of what has been found."""
    scope = trio.CancelScope()
    with ungrouped():
        async with trio.open_nursery() as nursery:
            await nursery.start(_heed_signals, scope)
            report = await run_check(
                tested, options, modes=modes, on_progress=on_progress, interruption=scope
            )
            nursery.cancel_scope.cancel()
    return report


async def _heed_signals(
    scope: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


@contextmanager
def progress_line(name: str) -> Iterator[OnProgress]:
    """Yield a function that shows a run's progress, with an estimate of the rest, on a terminal."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[slug]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=None, slug="")

        def on_progress(done: int, of: int, slug: str, report: ModeReport | None) -> None:
            progress.update(task, completed=done, total=of, slug=slug)

        yield on_progress
