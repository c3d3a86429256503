"""A process with all of its descendants: their memory, and their end.

A client may start processes of its own, which may outlive it. On Linux they become children of this process then
(PR_SET_CHILD_SUBREAPER), and the nonce in their environment identifies them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NONCE = "HAMMS_NONCE"  # the variable by which the processes of one cell are known

_SET_CHILD_SUBREAPER, _GET_CHILD_SUBREAPER = 36, 37  # linux/prctl.h
KIBIBYTE = 1024


@contextmanager
def subreaper() -> Iterator[None]:
    """Adopt orphaned descendants while the block runs, on systems that can do that."""
    was = _is_subreaper()
    if was is False:
        _prctl(_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        if was is False:
            _prctl(_SET_CHILD_SUBREAPER, 0)


def _is_subreaper() -> bool | None:
    """Return True if this process is a subreaper already, None if the system has none."""
    value = ctypes.c_int(0)
    if sys.platform != "linux" or _prctl(_GET_CHILD_SUBREAPER, ctypes.byref(value)):
        return None
    return bool(value.value)


def _prctl(option: int, argument: object) -> int:
    result: int = ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)
    return result


def descendants(pid: int) -> Iterator[int]:
    """Yield a process's children, their children, and so on; nothing where /proc is missing."""
    for child in _children(pid):
        yield child
        yield from descendants(child)


def peak_memory(pid: int) -> int | None:
    """Return the greatest resident memory of a process and its descendants, in octets, if it can be known."""
    peaks = [_peak(each) for each in (pid, *descendants(pid))]
    known = [peak for peak in peaks if peak is not None]
    return sum(known) if known else None


def processor_waits(pid: int) -> dict[str, float]:
    """Return for each thread of a process how long it was ready to run without a processor, in seconds.

    A process that has ended, and is not reaped, still has its first thread.
    """
    waits: dict[str, float] = {}
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, ValueError, IndexError):
                waits[task.name] = int((task / "schedstat").read_text().split()[1]) / 1e9
    return waits


def own_processor_wait() -> float:
    """Return how long this thread was ready to run without a processor so far, in seconds; 0 if that is unknown."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    return 0.0


def forget_peak(pid: int) -> bool:
    """Reset the peak of a process's memory; return True if the system can do that."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def kill_all(pid: int, nonce: str) -> set[int]:
    """Kill a process, its group and its descendants, those that have left it included.

    Returns:
        The descendants. They become this process's own children once the process itself is gone (see `reap`).
    """
    doomed = {*descendants(pid)}
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    doomed.update(child for child in _children(os.getpid()) if _belongs(child, nonce))
    doomed.discard(pid)
    for orphan in doomed:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(orphan, signal.SIGKILL)
    return doomed


def reap(orphans: Iterable[int]) -> None:
    """Reap the killed processes that have become children of this one."""
    for pid in orphans:
        with suppress(OSError):
            os.waitpid(pid, 0)


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                children += map(int, (task / "children").read_text().split())
    return children


def _peak(pid: int) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * KIBIBYTE
    return None


def _belongs(pid: int, nonce: str) -> bool:
    with suppress(OSError):
        return f"{NONCE}={nonce}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False
