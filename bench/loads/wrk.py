"""The same requests by wrk, a client of other authors."""

from __future__ import annotations

import re
import shutil
import subprocess
from math import ceil
from pathlib import Path

from bench.errors import Unmeasurable
from bench.loads.connecting import Address, Notice
from bench.machine import cpu_seconds

SCRIPT = Path(__file__).with_name("heads.lua")
_COUNTED = re.compile(r"^counted (\d+) (\d+)$", re.MULTILINE)


def has_wrk() -> bool:
    """Return whether wrk is installed."""
    return shutil.which("wrk") is not None


def wrk(
    *,
    address: Address,
    pid: int,
    connections: int,
    seconds: float,
    steady: Notice,
    target: str,
    varies: str = "",
    content: int = 0,
    tls: bool = False,
) -> dict[str, float]:
    """Exchange requests and responses by wrk, and return the CPU of one and their rate.

    Args:
        seconds: as wrk takes only whole seconds, their number is rounded up.
        target: see `bench.loads.requests`.
        varies: ``""`` or ``"head"``; see `bench.loads.requests`.
        content: see `bench.loads.requests`.
        tls: whether to speak TLS.
    """
    url = f"{'https' if tls else 'http'}://{address[0]}:{address[1]}"
    duration = ceil(seconds)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{duration}s", "-s", str(SCRIPT), url]
    steady()
    cpu = cpu_seconds(pid)
    arguments = ["--", target, varies, str(content)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    cpu = cpu_seconds(pid) - cpu
    counted = _COUNTED.search(done.stdout)
    if done.returncode or counted is None:
        raise Unmeasurable(f"wrk failed: {(done.stderr or done.stdout).strip()[-200:]}")
    answered, errors = int(counted[1]), int(counted[2])
    if errors or not answered:
        raise Unmeasurable(f"wrk counted {answered} answers and {errors} errors")
    return {"cpu_us": cpu / answered * 1e6, "per_second": answered / duration}
