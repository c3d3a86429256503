"""The budget of descriptors: one for the process, with a share for each listener.

Without it, one client that opens connection after connection to one port would take every descriptor of the
process, and nobody could connect to the other ports, the workbench's included.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

logger = logging.getLogger(__name__)

RESERVED = 512  # descriptors that are kept for the ports that have few connections
SPARE = 2  # that no connection gets: one to accept and refuse with, one to look into a directory
WARNING_SECONDS = 10.0
# Other code opens descriptors too, so they are counted anew; to count a thousand takes a third of a millisecond.
RECOUNT_SECONDS = 1.0
RECOUNT_SOON_SECONDS = 0.05  # when few are left


def descriptor_limit() -> int:
    """Return how many descriptors this process may have open."""
    if sys.platform == "win32":
        return 16 * 1024
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1024 * 1024


def count_open() -> int:
    """Return how many descriptors this process has open; 0 where the system does not tell."""
    for directory in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return len(os.listdir(directory)) - 1  # without the one that lists them
    return 0


class DescriptorBudget:
    """The descriptors of one process, and the shares of its listeners in them."""

    def __init__(
        self,
        *,
        limit: Callable[[], int] = descriptor_limit,
        count: Callable[[], int] = count_open,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._limit_now, self._count, self._clock = limit, count, clock
        self._shares: set[DescriptorShare] = set()
        self._limit = self._others = 0  # as last counted; others are those that no share has
        self._counted = float("-inf")

    def open_share(self, name: str) -> DescriptorShare:
        """Open the share of a listener, which closes it in the end."""
        share = DescriptorShare(self, name)
        self._shares.add(share)
        return share

    def close_share(self, share: DescriptorShare) -> None:
        """Leave its part to the others."""
        self._shares.discard(share)

    @property
    def connections(self) -> int:
        """The number of connections of all listeners."""
        # A sum and not a counter, as the listeners may run in several threads.
        return sum(share.open for share in list(self._shares))

    def admits(self, share: DescriptorShare, fd: int) -> bool:
        """True if a listener may keep this descriptor, the newest one."""
        connections = self.connections
        # The kernel gives the lowest free number: all below it are taken.
        used = max(self._others + connections, fd)
        left, reserved = self._left(used)
        age = self._clock() - self._counted
        if age > (RECOUNT_SECONDS if left > 2 * reserved else RECOUNT_SOON_SECONDS):
            self._recount(connections)
            used = max(self._others + connections, fd)
            left, reserved = self._left(used)
        if left > reserved:
            return True
        if left <= 0:
            return share.open < 1
        # One that ends and one that begins, however many listeners there are.
        return share.open < max(2, reserved // (2 * len(self._shares)))

    def _left(self, used: int) -> tuple[int, int]:
        """Return how many connections there is room for, and how many of them are for quiet ports."""
        room = self._limit - self._others - SPARE
        return self._limit - SPARE - used, min(RESERVED, max(0, room) // 4)

    def _recount(self, connections: int) -> None:
        self._counted = self._clock()
        self._limit = self._limit_now()
        self._others = max(0, self._count() - connections - 1)  # without the newest


class DescriptorShare:
    """The share of one listener: its open connections, and whether it may have another.

    Attributes:
        name: the listener's.
        open: its connections.
    """

    def __init__(self, budget: DescriptorBudget, name: str) -> None:
        self.name = name
        self.open = 0
        self.warnings = WarningThrottle()
        self._budget = budget

    def acquire(self, fd: int) -> bool:
        """Count a connection that was just accepted, and return True; or warn and return False."""
        if self._budget.admits(self, fd):
            self.open += 1
            return True
        self.warnings.warn(
            "%s: turning connections away: %d are open, and the limit of descriptors is near; "
            "raise it with ulimit -n",
            self.name,
            self._budget.connections,
        )
        return False

    def release(self) -> None:
        """Count a connection no more, which was closed."""
        self.open -= 1

    def close(self) -> None:
        """Give the share back to the budget."""
        self._budget.close_share(self)


class WarningThrottle:
    """Logs a warning now and then, and not each time."""

    def __init__(self) -> None:
        self._warned = float("-inf")

    def warn(self, message: str, *args: object) -> None:
        """Log a warning, unless there was one a moment ago."""
        now = monotonic()
        if now - self._warned >= WARNING_SECONDS:
            self._warned = now
            logger.warning(message, *args)


PROCESS_BUDGET = DescriptorBudget()
