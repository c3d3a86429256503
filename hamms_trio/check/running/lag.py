"""The lag of this process's loop: on a busy machine, the lab itself may have kept a client waiting."""

from __future__ import annotations

from collections import deque

import trio

TICK = 0.02  # seconds
KEPT_DELAYS = 10_000


class LagWatch:
    """The record of the moments at which the loop woke up late."""

    def __init__(self) -> None:
        self._late: deque[tuple[float, float]] = deque(maxlen=KEPT_DELAYS)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            due = trio.current_time() + TICK
            await trio.sleep_until(due)
            late = trio.current_time() - due
            if late > TICK:
                self._late.append((due, late))

    def worst(self, since: float) -> float:
        """Return the greatest lag since a time of trio's clock, in seconds."""
        worst = 0.0
        for due, late in reversed(self._late):
            if due + late < since:
                break
            worst = max(worst, late)
        return worst
