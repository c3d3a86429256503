"""Find the processes that hold a socket, by reading /proc.

Why this is hard: the kernel names the inode and the user of a socket, but not the process that holds it. The
only way from one to the other is to read the links of all descriptors of all processes, at one to two
microseconds each. So a search for one socket is lazy, and begins where the holder is likely: with the process
that held the last one, then with the newest processes of that user.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterable, Iterator

_STANDARD_STREAMS = frozenset("012")
_last_holder = 0  # a process; only a hint


def all_processes() -> list[int]:
    """List every process that this one can see; none where there is no /proc."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def holders(
    inodes: Collection[int], pids: Iterable[int] | None = None
) -> dict[int, list[tuple[int, int]]]:
    """Map each socket's inode to the (process, descriptor) pairs that hold it.

    Processes that this one may not look into are left out.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    for inode, pid, descriptor in _search(inodes, all_processes() if pids is None else pids):
        found.setdefault(inode, []).append((pid, descriptor))
    return found


def holders_of(inode: int, user: int) -> Generator[tuple[int, int], None, None]:
    """Yield the (process, descriptor) pairs that hold one socket, as soon as each is found.

    Args:
        inode: the inode of the socket.
        user: the user who opened the socket; others may hold it, but are searched last.
    """
    global _last_holder
    seen: set[tuple[int, int]] = set()
    pids = sorted(all_processes(), reverse=True)
    for likely in (True, False):
        chosen = _likely_first(pids, user) if likely else iter(pids)
        skipped = _STANDARD_STREAMS if likely else frozenset[str]()
        for _, pid, descriptor in _search([inode], chosen, skipped):
            if (pid, descriptor) not in seen:
                seen.add((pid, descriptor))
                _last_holder = pid
                yield pid, descriptor


def _likely_first(pids: list[int], user: int) -> Iterator[int]:
    """Yield the last holder and this process, then the user's processes, the newest first."""
    first = [pid for pid in (_last_holder, os.getpid()) if pid in pids]
    yield from first
    for pid in pids:
        if pid not in first and _runs_as(pid, user):
            yield pid


def _runs_as(pid: int, user: int) -> bool:
    try:
        return os.stat(f"/proc/{pid}").st_uid == user
    except OSError:  # the process has ended
        return False


def _search(
    inodes: Collection[int], pids: Iterable[int], skipped: frozenset[str] = frozenset()
) -> Iterator[tuple[int, int, int]]:
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    for pid in pids:
        try:
            directory = os.open(f"/proc/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY)
        except OSError:  # the process has ended, or belongs to another user
            continue
        try:
            for descriptor in os.listdir(directory):
                if descriptor in skipped:
                    continue
                try:
                    link = os.readlink(descriptor, dir_fd=directory)
                except OSError:  # closed since
                    continue
                if link in wanted:
                    yield wanted[link], pid, int(descriptor)
        except OSError:  # the process has ended meanwhile
            continue
        finally:
            os.close(directory)


def descriptors_of(pid: int) -> list[str]:
    """List the numbers of a process's open descriptors.

    Raises:
        PermissionError: the process belongs to another user, and this one may not look into it.
        OSError: there is no such process.
    """
    return os.listdir(f"/proc/{pid}/fd")


def command_of(pid: int) -> str:
    """Read the name of a process; empty if it has ended."""
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


def effective_capabilities() -> int:
    """Return the bits of the capabilities that this thread has in effect; 0 where there is no /proc."""
    try:
        with open("/proc/thread-self/status") as file:
            for line in file:
                if line.startswith("CapEff:"):
                    return int(line.split()[1], 16)
    except OSError:
        pass
    return 0
