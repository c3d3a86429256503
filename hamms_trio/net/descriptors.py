"""Who is let in when descriptors run short.

Without this, one client that opens connection after connection to one port would take every descriptor
of the process, and nobody could connect to the others any more.
"""

from __future__ import annotations

import logging
import sys
from time import monotonic

logger = logging.getLogger(__name__)

RESERVED = 512  # descriptors that are kept for the ports that have few connections
WARNING_SECONDS = 10.0


class Warnings:
    """Says what is wrong, but not each time."""

    def __init__(self) -> None:
        self._warned = float("-inf")

    def warn(self, message: str, *args: object) -> None:
        """Log a warning, unless there was one a moment ago."""
        now = monotonic()
        if now - self._warned >= WARNING_SECONDS:
            self._warned = now
            logger.warning(message, *args)


class Admission:
    """Counts the open connections of all ports of one server."""

    def __init__(self, ports: int, *, limit: int | None = None) -> None:
        limit = limit or descriptor_limit()
        reserved = min(RESERVED, limit // 4)
        self.open = 0
        self._crowded = limit - reserved
        self._share = max(1, reserved // (2 * max(1, ports)))
        self.warnings = Warnings()

    def admits(self, open_there: int) -> bool:
        """Whether a port that has so many open connections may have another."""
        return self.open < self._crowded or open_there < self._share

    def warn(self, slug: str) -> None:
        """Say that a connection was turned away."""
        self.warnings.warn(
            "%s: turning connections away: %d are open, and the limit of descriptors is near; "
            "raise it with ulimit -n",
            slug,
            self.open,
        )


def descriptor_limit() -> int:
    """How many descriptors this process may have open."""
    if sys.platform == "win32":
        return 16 * 1024
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1024 * 1024
