"""What goes on beside a load: a line on the terminal, and Ctrl-C."""

from __future__ import annotations

import shutil
import signal
import sys

import trio

from hamms_trio.load.run import Load

INTERVAL = 0.5  # seconds
_ERASE_LINE = "\r\x1b[2K"


async def watch(load: Load) -> None:
    """Let a signal stop the load, a second one at once; and show how it goes, if somebody looks."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_heed_signals, load)
        if sys.stderr is not None and sys.stderr.isatty():
            nursery.start_soon(_show_progress, load)


async def _heed_signals(load: Load) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            load.stop()


async def _show_progress(load: Load) -> None:
    begin, answered = trio.current_time(), 0
    last = begin
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
    if elapsed < plan.warmup:
        state = f"warming up for {plan.warmup:g} s"
    else:
        state = (
            f"of {plan.warmup + plan.duration:g} s, {rps:,.0f} answers/s, {tally.failed:,} failed"
        )
        if tally.latencies.count:
            p50, p99 = tally.latencies.quick_percentiles((50, 99))
            state += f", p50 {p50 * 1e3:.3g} ms, p99 {p99 * 1e3:.3g} ms"
    width = shutil.get_terminal_size().columns - 1
    sys.stderr.write(_ERASE_LINE + f"{elapsed:5.1f} s {state}"[:width])
    sys.stderr.flush()
