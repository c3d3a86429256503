"""The machine of a measurement: its processors, descriptors, and the kernel's accounts of processes.

The module needs Linux, since the figures come from its process clocks and from /proc.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import resource
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.errors import Unmeasurable

_PR_SET_PDEATHSIG = 1
_CPUCLOCK_SCHED = 2

SETTLED_SHARE = 0.02  # of a processor, below which a process counts as idle


def server_cpu() -> int | None:
    """Return the processor of every server under test, or None where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0] if len(allowed) > 1 else None


def client_cpu() -> int | None:
    """Return the processor of the clients, or None where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[1] if len(allowed) > 1 else None


def preparation(cpu: int | None, *, idle: bool = False) -> Callable[[], None]:
    """Return a function for a child to call before exec: it pins itself, raises its limits, and dies with us.

    Args:
        cpu: the only processor it may use.
        idle: whether to run only when no other process wants the processor.
    """
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        if idle:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

    return prepare


def cpu_seconds(pid: int) -> float:
    """Return the CPU of a process and its descendants so far: user and system, all threads, to nanoseconds."""
    # clock_getcpuclockid(3), which Python lacks: include/linux/posix-timers.h
    used = time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    return used + sum(cpu_seconds(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    """Return the running children of a process, such as the worker processes of a server."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for found in lists for child in found.read_text(encoding="ascii").split()]


def waited_seconds(pid: int) -> float:
    """Return how long a process's main thread has waited for a processor so far."""
    _, waited, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return int(waited) / 1e9


def resident_octets(pid: int) -> int:
    """Return the resident set of a process, which excludes the kernel's buffers."""
    account = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return 1024 * sum(int(kib) for kib in re.findall(r"^Rss:\s+(\d+) kB", account, re.MULTILINE))


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def wait_settled(pid: int, *, timeout: float = 15.0) -> None:
    """Wait until a process is idle.

    Raises:
        Unmeasurable: the process stays busy.
    """
    deadline = time.monotonic() + timeout
    idle = 0
    while idle < 2:
        before, since = cpu_seconds(pid), time.monotonic()
        time.sleep(0.1)
        used = (cpu_seconds(pid) - before) / (time.monotonic() - since)
        idle = idle + 1 if used < SETTLED_SHARE else 0
        if time.monotonic() > deadline:
            raise Unmeasurable(f"the server still used {used:.0%} of a processor")


def held_at_most(wanted: int) -> int:
    """Return how many connections one process can hold here, up to ``wanted``."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(wanted, hard - 1000)


def description() -> dict[str, str]:
    """Describe the machine, since figures of two machines do not compare."""
    return {
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION.split()[1],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor_name(),
        "processors": str(len(os.sched_getaffinity(0))),
        "congestion control": _congestion_control(),
        "servers on": _named(server_cpu()),
        "clients on": _named(client_cpu()),
        "descriptors": str(resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        "load": f"{os.getloadavg()[0]:.2f}",
    }


def commit() -> str:
    """Return the commit of this tree."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return answer.stdout.strip() or "unknown"


def _processor_name() -> str:
    try:
        account = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    found = re.search(r"^model name\s*: (.+)$", account, re.MULTILINE)
    return found[1] if found else "unknown"


def _congestion_control() -> str:
    """Return TCP's congestion control, as the system chooses it."""
    chosen = Path("/proc/sys/net/ipv4/tcp_congestion_control")
    return chosen.read_text(encoding="ascii").strip() if chosen.exists() else "unknown"


def _named(cpu: int | None) -> str:
    return "any processor" if cpu is None else f"processor {cpu}"


def check() -> None:
    """Refuse a machine that cannot measure.

    Raises:
        Unmeasurable: the system is not Linux.
    """
    if sys.platform != "linux":
        raise Unmeasurable("the measurements need Linux: process clocks, /proc and epoll")
