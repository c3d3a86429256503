"""The budget of descriptors: one for the process, with a share for each listener.

Without a budget, one client that floods one port would take every descriptor of the process, and no client
could connect to the other ports, the workbench's included.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from time import monotonic

from hamms_trio.errors import TooFewDescriptors

logger = logging.getLogger(__name__)

RESERVED_DESCRIPTORS = 512  # descriptors reserved for ports with few connections
# Descriptors that no connection gets: one to accept and reset with, one to list a directory.
SPARE = 2
BESIDE_LISTENERS = 16  # descriptors for the hub, the loop, imports, and the first connections
WARNING_SECONDS = 10.0
# Other code opens descriptors too, so the budget recounts them. Where it has to list them (see `count_open`), a
# thousand take a third of a millisecond.
RECOUNT_SECONDS = 1.0
RECOUNT_SOON_SECONDS = 0.05  # when few descriptors are left


def descriptor_limit() -> int:
    """Return the process's limit of open descriptors."""
    if sys.platform == "win32":
        return 16 * 1024
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1024 * 1024


def count_open() -> int:
    """Count the open descriptors of this process; 0 if the system does not list them.

    Since Linux 6.2, the size of their directory is their number (the kernel's filesystems/proc.rst). To read it
    takes a hundredth of the time of a listing.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            if counted := os.stat("/proc/self/fd").st_size:
                return counted
    for directory in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return len(os.listdir(directory)) - 1  # without the descriptor of the listing
    return 0


def check_descriptors(listeners: int) -> None:
    """Check that the process may open this many listeners, and has some descriptors left beside them.

    Raises:
        TooFewDescriptors: the limit is too low.
    """
    limit, needed = descriptor_limit(), count_open() + listeners + BESIDE_LISTENERS
    if needed > limit:
        raise TooFewDescriptors(
            f"{listeners} listeners need at least {needed} descriptors, and the limit is {limit}; "
            "raise it with ulimit -n, or serve fewer modes"
        )


class DescriptorBudget:
    """The budget of one process, divided into a share for each listener.

    Attributes:
        connections: the number of connections of all listeners, which may run in several threads.
    """

    def __init__(
        self,
        *,
        limit: Callable[[], int] = descriptor_limit,
        count: Callable[[], int] = count_open,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._limit, self._count, self._clock = limit, count, clock
        self._shares: set[DescriptorShare] = set()
        self._lock = Lock()
        self.connections = 0
        # As last counted: descriptors for all, those that are no connections, and those reserved for quiet ports.
        self._room = self._others = self._reserved = 0
        self._counted = float("-inf")

    def open_share(self, name: str) -> DescriptorShare:
        """Open the share of a listener, which has to close the share."""
        share = DescriptorShare(self, name)
        self._shares.add(share)
        return share

    def close_share(self, share: DescriptorShare) -> None:
        """Return the share to the budget."""
        self.add(share, -share.open)
        self._shares.discard(share)

    def add(self, share: DescriptorShare, connections: int) -> None:
        """Count connections of a share, unless it was returned."""
        with self._lock:
            if share in self._shares:
                self.connections += connections

    def admits(self, share: DescriptorShare, fd: int) -> bool:
        """Return True if the listener may keep ``fd``, the newest descriptor."""
        # The kernel assigns the lowest free number, so all below are taken.
        left = self._room - max(self._others + self.connections, fd)
        age = self._clock() - self._counted
        if age > RECOUNT_SOON_SECONDS and (age > RECOUNT_SECONDS or left <= 2 * self._reserved):
            self._recount()
            left = self._room - max(self._others + self.connections, fd)
        reserved = self._reserved
        if left > reserved:
            return True
        if left <= 0:
            return share.open < 1
        # At least two, for a connection that ends and one that begins.
        return share.open < max(2, reserved // (2 * len(self._shares)))

    def _recount(self) -> None:
        self._counted = self._clock()
        self._room = self._limit() - SPARE
        # Without the newest descriptor, whose connection is not counted yet.
        self._others = max(0, self._count() - self.connections - 1)
        self._reserved = min(RESERVED_DESCRIPTORS, max(0, self._room - self._others) // 4)


class DescriptorShare:
    """One listener's share of the budget.

    Attributes:
        name: the listener's name.
        open: the number of its open connections.
    """

    def __init__(self, budget: DescriptorBudget, name: str) -> None:
        self.name = name
        self.open = 0
        self.warnings = WarningThrottle()
        self._budget = budget

    def acquire(self, fd: int) -> bool:
        """Count a new connection and return True; if the budget is used up, warn and return False."""
        if self._budget.admits(self, fd):
            self.open += 1
            self._budget.add(self, 1)
            return True
        self.warnings.warn(
            "%s: new connections are reset: %d are open, and the limit of descriptors is near; "
            "raise it with ulimit -n",
            self.name,
            self._budget.connections,
        )
        return False

    def release(self) -> None:
        """Uncount a connection that has been closed."""
        self.open -= 1
        self._budget.add(self, -1)

    def close(self) -> None:
        """Return the share to the budget."""
        self._budget.close_share(self)


class WarningThrottle:
    """A logger of one repeated warning, at most once per `WARNING_SECONDS`."""

    def __init__(self) -> None:
        self._warned = float("-inf")

    def warn(self, message: str, *args: object) -> None:
        """Log a warning, unless the last one is too recent."""
        now = monotonic()
        if now - self._warned >= WARNING_SECONDS:
            self._warned = now
            logger.warning(message, *args)


PROCESS_BUDGET = DescriptorBudget()
