"""Find the processes that hold a socket, by reading /proc.

Why this is hard: the kernel names the inode and the user of a socket, but not the process that holds it. The
only way from one to the other is to read the links of all descriptors of all processes, at one to two
microseconds each. So a search for one socket is lazy, and begins where the holder is likely: with the process
that was listed as its holder, then with those that held the last ones, then with those of the control group and
of the user that the kernel names, the newest first.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator

from netsplode.kernel.cgroups import members
from netsplode.kernel.diag import Entry

_STANDARD_STREAMS = frozenset("012")
_recent_holders: deque[int] = deque(maxlen=8)  # processes, the latest first; only a hint


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


def holders_of(entry: Entry, likely: int | None = None) -> Generator[tuple[int, int], None, None]:
    """Yield the (process, descriptor) pairs that hold one socket, as soon as each is found.

    Args:
        likely: a process that held the socket a while ago, where the search begins.
    """
    if likely is not None:
        _note_holder(likely)
    seen: set[tuple[int, int]] = set()
    pids = sorted(all_processes(), reverse=True)
    for is_quick in (True, False):
        chosen = _likely_first(pids, entry) if is_quick else iter(pids)
        skipped = _STANDARD_STREAMS if is_quick else frozenset[str]()
        for _, pid, descriptor in _search([entry.inode], chosen, skipped):
            if (pid, descriptor) not in seen:
                seen.add((pid, descriptor))
                _note_holder(pid)
                yield pid, descriptor


def _likely_first(pids: list[int], entry: Entry) -> Iterator[int]:
    """Yield recent holders, this process, those of the socket's control group, and those of its user."""
    known = set(pids)
    first = dict.fromkeys([*_recent_holders, os.getpid(), *reversed(members(entry.cgroup))])
    yield from (pid for pid in first if pid in known)
    # Since Linux 6.2 the size of the directory is the number of descriptors; before, it is 0.
    fewest = len(_STANDARD_STREAMS) if os.stat("/proc/self/fd").st_size else -1
    for pid in pids:
        if pid not in first:
            try:
                directory = os.stat(f"/proc/{pid}/fd")
            except OSError:  # the process has ended, or belongs to another user
                continue
            if directory.st_uid == entry.uid and directory.st_size > fewest:
                yield pid


def _note_holder(pid: int) -> None:
    if pid in _recent_holders:
        _recent_holders.remove(pid)
    _recent_holders.appendleft(pid)


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
