"""One httpx client that makes a request after the other."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from bench.loads.connecting import WARM_UP_SECONDS, Address, Notice
from bench.machine import cpu_seconds

if TYPE_CHECKING:
    import httpx  # half of what all loads import


def client(
    *, address: Address, seconds: float, target: str, steady: Notice, pid: int = 0
) -> dict[str, float]:
    """Make requests for so many seconds, and return the CPU of one.

    Args:
        pid: of the process whose CPU counts; 0 for the client's own.
    """
    import httpx

    url = f"http://{address[0]}:{address[1]}{target}"
    measured = pid or os.getpid()
    with httpx.Client(trust_env=False) as http:
        _ask(http, url, WARM_UP_SECONDS)
        steady()
        before = cpu_seconds(measured)
        answered = _ask(http, url, seconds)
        return {"cpu_us": (cpu_seconds(measured) - before) / answered * 1e6}


def _ask(http: httpx.Client, url: str, seconds: float) -> int:
    answered = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        http.get(url).raise_for_status()
        answered += 1
    return answered
