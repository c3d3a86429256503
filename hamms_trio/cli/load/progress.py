"""The line on the terminal and the signals while a load runs."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Sequence

import trio

from hamms_trio.load.run import Load

INTERVAL = 0.5  # seconds
_ERASE_LINE = "\r\x1b[2K"


class LoadWatcher:
    """The signals and the progress line of a load, or of loads that follow each other."""

    def __init__(self) -> None:
        self._is_interrupted = False

    async def __call__(
        self, load: Load, /, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Stop the load at the first signal and abandon it at the second; show its progress on a terminal."""
        self.heed_signals(load)
        task_status.started()
        if sys.stderr is not None and sys.stderr.isatty():
            await _show_progress(load)

    def heed_signals(self, load: Load) -> None:
        """Let SIGINT and SIGTERM stop the load, even if one came since the load before.

        The first signal after the last load is ignored. It may be the second half of an impatient Ctrl-C, which
        must not cost the result.
        """
        token = trio.lowlevel.current_trio_token()

        def stop(number: int, _frame: object) -> None:
            self._is_interrupted = True
            try:
                token.run_sync_soon(load.stop)
            except trio.RunFinishedError:
                signal.signal(number, signal.SIG_DFL)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        if self._is_interrupted:
            load.stop()


async def _show_progress(load: Load) -> None:
    begin = last = trio.current_time()
    answered = 0
    try:
        while True:
            await trio.sleep(INTERVAL)
            now, answered_before = trio.current_time(), answered
            answered = load.tally.answered
            parts = _progress(load, now - begin, (answered - answered_before) / (now - last))
            columns = shutil.get_terminal_size().columns - 1  # a full line would wrap
            sys.stderr.write(_ERASE_LINE + fit_parts(parts, columns))
            sys.stderr.flush()
            last = now
    finally:
        sys.stderr.write(_ERASE_LINE)
        sys.stderr.flush()


def _progress(load: Load, elapsed: float, rps: float) -> list[str]:
    plan, tally = load.plan, load.tally
    if load.is_ending:
        waiting = f"{elapsed:5.1f} s waiting for {load.in_flight:,} answers"
        return [waiting, f"{plan.timeout:g} s at most", "Ctrl-C ends that"]
    if elapsed < plan.warmup:
        return [f"{elapsed:5.1f} s warming up for {plan.warmup:g} s"]
    parts = [
        f"{elapsed:5.1f} s of {plan.warmup + plan.duration:g} s",
        f"{rps:,.0f} answers/s",
        f"{tally.errors:,} errors",
    ]
    if tally.latencies.count:
        p50, p99 = tally.latencies.quick_percentiles((50, 99))
        parts += [f"p50 {p50 * 1e3:.3g} ms", f"p99 {p99 * 1e3:.3g} ms"]
    return parts


def fit_parts(parts: Sequence[str], columns: int) -> str:
    """Join as many parts, from the first on, as fit whole into a line of ``columns``."""
    line = ""
    for part in parts:
        longer = f"{line}, {part}" if line else part
        if len(longer) > columns:
            break
        line = longer
    return line
