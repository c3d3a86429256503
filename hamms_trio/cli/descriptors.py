"""How many descriptors this process may have: each connection takes one."""

from __future__ import annotations

import sys
from contextlib import suppress
from math import inf


def raise_descriptor_limit() -> float:
    """Take as many as we may; how many that are."""
    if sys.platform == "win32":
        return inf
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS refuses an unlimited number
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return inf if soft == resource.RLIM_INFINITY else soft
