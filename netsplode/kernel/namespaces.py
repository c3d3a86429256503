"""Network namespaces of other processes, such as containers have.

A socket stays in the namespace in which it was opened, whichever thread uses it later. So a thread
only has to be inside a namespace while it opens one.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_OWN = "/proc/thread-self/ns/net"


@dataclass(frozen=True, slots=True)
class Network:
    """The network namespace of another process, known by the inode of its file.

    No descriptor is kept open. If the process has ended, `run` finds out.
    """

    pid: int
    inode: int

    def run(self, work: Callable[[], T]) -> T:
        """Call ``work`` on a thread inside this namespace.

        Raises:
            PermissionError: CAP_SYS_ADMIN is missing.
            FileNotFoundError: the process has ended, or left the namespace.
        """
        returned: list[T] = []
        errors: list[BaseException] = []

        def call() -> None:
            try:
                returned.append(self._enter_and(work))
            except BaseException as error:  # noqa: BLE001 - raised again below, on the caller's thread
                errors.append(error)

        thread = threading.Thread(target=call, name="netsplode namespace")
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return returned[0]

    def _enter_and(self, work: Callable[[], T]) -> T:
        outside = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            inside = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if os.fstat(inside).st_ino != self.inode:
                    raise FileNotFoundError(f"process {self.pid} has left its network namespace")
                _enter(inside)
            finally:
                os.close(inside)
            try:
                return work()
            finally:
                # A green-thread library may have called this on a thread that others use.
                _enter(outside)
        finally:
            os.close(outside)


def network_of(pid: int) -> Network | None:
    """Find the network namespace of a process; None if this thread is in the same one.

    Raises:
        OSError: the process has ended, or this one may not look into it.
    """
    inode = os.stat(f"/proc/{pid}/ns/net").st_ino
    return None if inode == os.stat(_OWN).st_ino else Network(pid, inode)


def run_in(network: Network | None, work: Callable[[], T]) -> T:
    """Call ``work`` inside ``network``; None stands for the network of this thread."""
    return work() if network is None else network.run(work)


def _enter(descriptor: int) -> None:
    # os.setns came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
