"""Find the processes of a control group by the group's id, which sock_diag reports for each socket."""

from __future__ import annotations

import ctypes
import os
import struct
from contextlib import suppress

ROOT = 1  # the id of the root group
_MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")  # where version 2 is usually mounted
_FILEID_KERNFS = 0xFE  # linux/exportfs.h: the handle is the id


def members(cgroup: int) -> list[int]:
    """List the processes of a group.

    The list is empty for the root group, which may hold every process, and where this process may not
    open the group by its id (CAP_DAC_READ_SEARCH).
    """
    if cgroup > ROOT:
        for mount in _MOUNTS:
            with suppress(OSError):
                return _members(mount, cgroup)
    return []


def _members(mount: str, cgroup: int) -> list[int]:
    root = os.open(mount, os.O_RDONLY | os.O_CLOEXEC)
    try:
        group = _open_by_id(root, cgroup)
    finally:
        os.close(root)
    try:
        processes = os.open("cgroup.procs", os.O_RDONLY | os.O_CLOEXEC, dir_fd=group)
    finally:
        os.close(group)
    with open(processes) as file:
        return [int(line) for line in file]


def _open_by_id(root: int, cgroup: int) -> int:
    handle = struct.pack("=IiQ", 8, _FILEID_KERNFS, cgroup)  # struct file_handle
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.open_by_handle_at(root, handle, os.O_RDONLY | os.O_CLOEXEC)
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return descriptor
