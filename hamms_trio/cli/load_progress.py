"""What goes on beside a load: a line on the terminal, and Ctrl-C."""

from __future__ import annotations

import shutil
import signal
import sys

import trio

from hamms_trio.load.run import Load

INTERVAL = 0.5  # seconds
_ERASE_LINE = "\r\x1b[2K"


async def watch(
    load: Load, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Let a signal stop the load, and a second one at once; show how it goes, if somebody looks."""
    heed_signals(load)
    task_status.started()
    if sys.stderr is not None and sys.stderr.isatty():
        await _show_progress(load)


def heed_signals(load: Load) -> None:
    """From now on SIGINT and SIGTERM stop the load; once it is over, the first one more is ignored.

    It may be the second half of an impatient Ctrl-C, which is not to cost the result.
    """
    token = trio.lowlevel.current_trio_token()

    def stop(number: int, _frame: object) -> None:
        try:
            token.run_sync_soon(load.stop)
        except trio.RunFinishedError:
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


async def _show_progress(load: Load) -> None:
    begin = last = trio.current_time()
    answered = 0
    try:
        while True:
            await trio.sleep(INTERVAL)
            now, answered_before = trio.current_time(), answered
            answered = load.tally.answered
            _print(load, now - begin, (answered - answered_before) / (now - last))
            last = now
    finally:
        sys.stderr.write(_ERASE_LINE)
        sys.stderr.flush()


def _print(load: Load, elapsed: float, rps: float) -> None:
    plan, tally = load.plan, load.tally
    if load.is_ending:
        state = (
            f"waiting for {load.in_flight:,} answers, {plan.timeout:g} s at most; Ctrl-C ends that"
        )
    elif elapsed < plan.warmup:
        state = f"warming up for {plan.warmup:g} s"
    else:
        state = (
            f"of {plan.warmup + plan.duration:g} s, {rps:,.0f} answers/s, {tally.errors:,} errors"
        )
        if tally.latencies.count:
            p50, p99 = tally.latencies.quick_percentiles((50, 99))
            state += f", p50 {p50 * 1e3:.3g} ms, p99 {p99 * 1e3:.3g} ms"
    width = shutil.get_terminal_size().columns - 1
    sys.stderr.write(_ERASE_LINE + f"{elapsed:5.1f} s {state}"[:width])
    sys.stderr.flush()
