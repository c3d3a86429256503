"""Which process holds which socket, as /proc tells."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable


def all_processes() -> list[int]:
    """Every process this one can see; none where there is no /proc."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def holders(
    inodes: Collection[int], pids: Iterable[int] | None = None
) -> dict[int, list[tuple[int, int]]]:
    """For each socket's inode, the (process, descriptor) pairs that hold it, of those we may look at."""
    found: dict[int, list[tuple[int, int]]] = {}
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    for pid in all_processes() if pids is None else pids:
        try:
            descriptors = descriptors_of(pid)
        except OSError:  # it has ended, or is another user's
            continue
        for descriptor in descriptors:
            try:
                link = os.readlink(f"/proc/{pid}/fd/{descriptor}")
            except OSError:  # closed since
                continue
            inode = wanted.get(link)
            if inode is not None:
                found.setdefault(inode, []).append((pid, int(descriptor)))
    return found


def descriptors_of(pid: int) -> list[str]:
    """The numbers of its open descriptors.

    Raises:
        PermissionError: it is another user's, and may not be looked into.
        OSError: there is no such process.
    """
    return os.listdir(f"/proc/{pid}/fd")


def command_of(pid: int) -> str:
    """The name of a process; empty when it has ended."""
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


def effective_capabilities() -> int:
    """The bits of CAP_... that this thread has in effect; none where /proc doesn't tell."""
    try:
        with open("/proc/thread-self/status") as file:
            for line in file:
                if line.startswith("CapEff:"):
                    return int(line.split()[1], 16)
    except OSError:
        pass
    return 0
