"""Signals that stop loads which follow each other."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
import trio
import trio.testing

from hamms_trio.cli.load.progress import LoadWatcher
from hamms_trio.load.plan import Plan
from hamms_trio.load.run import EndedBy
from tests.load.loads import answering, load_in_memory

PLAN = Plan(concurrency=1, duration=1.0, rate=10.0, timeout=20.0)


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restore the handlers of signals after the test."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
async def test_a_signal_between_two_loads_stops_the_second(
    autojump_clock: trio.testing.MockClock,
) -> None:
    watcher = LoadWatcher()
    async with trio.open_nursery() as nursery:
        first = load_in_memory(PLAN, nursery, answering())
        watcher.heed_signals(first)
        assert (await first.run()).ended_by is EndedBy.DURATION
        os.kill(os.getpid(), signal.SIGTERM)
        second = load_in_memory(replace(PLAN, duration=3600.0), nursery, answering())
        watcher.heed_signals(second)
        assert (await second.run()).ended_by is EndedBy.INTERRUPT
        nursery.cancel_scope.cancel()
