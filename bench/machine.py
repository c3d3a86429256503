"""What a measurement needs of the machine: processors to pin to, descriptors, and the kernel's accounts.

Linux only: the figures come from its process clocks and from /proc.
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
    """The processor of every server under test, or None where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0] if len(allowed) > 1 else None


def client_cpu() -> int | None:
    """The processor of whoever loads the server, or None where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[1] if len(allowed) > 1 else None


def preparation(cpu: int | None, *, idle: bool = False) -> Callable[[], None]:
    """What a child does before it becomes its program: pin itself, take descriptors, and die with us.

    Args:
        cpu: the only processor it may use.
        idle: whether to run only when nobody else wants the processor.
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
    """What a process has used so far, user and system, all threads, exact to nanoseconds."""
    # clock_getcpuclockid(3), which Python lacks: include/linux/posix-timers.h
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def waited_seconds(pid: int) -> float:
    """How long a process's main thread has been kept from a processor by others, so far."""
    _, waited, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return int(waited) / 1e9


def resident_octets(pid: int) -> int:
    """What a process has in memory; the kernel's buffers are not in it."""
    account = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return 1024 * sum(int(kib) for kib in re.findall(r"^Rss:\s+(\d+) kB", account, re.MULTILINE))


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def wait_settled(pid: int, *, timeout: float = 15.0) -> None:
    """Wait until a process is idle.

    Raises:
        Unmeasurable: it does not come to rest.
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
    """How many connections one process can hold here, up to ``wanted``."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(wanted, hard - 1000)


def description() -> dict[str, str]:
    """The machine, for whoever compares figures."""
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
    """Which version of this is measured."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return told.stdout.strip() or "unknown"


def _processor_name() -> str:
    try:
        account = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    found = re.search(r"^model name\s*: (.+)$", account, re.MULTILINE)
    return found[1] if found else "unknown"


def _congestion_control() -> str:
    """TCP's, for whoever does not choose another."""
    chosen = Path("/proc/sys/net/ipv4/tcp_congestion_control")
    return chosen.read_text(encoding="ascii").strip() if chosen.exists() else "unknown"


def _named(cpu: int | None) -> str:
    return "any processor" if cpu is None else f"processor {cpu}"


def check() -> None:
    """Refuse machines that can't measure.

    Raises:
        Unmeasurable: not Linux.
    """
    if sys.platform != "linux":
        raise Unmeasurable("the measurements need Linux: process clocks, /proc and epoll")
