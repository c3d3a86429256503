"""The start of a command with three pipes: its standard output, its standard error, and descriptor 3.

subprocess can't give a child a descriptor of a chosen number without code that runs between fork and exec, which is
unsafe beside threads; posix_spawn can.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache

from hamms_trio.errors import ClientUnusable, reason_of

TOLD = 3  # the descriptor on which a client may tell more than its exit code and its output
_IN_DIRECTORY = ("/bin/sh", "-c", 'cd -- "$0" && exec "$@"')


@dataclass(frozen=True)
class Spawned:
    """A process that was started.

    Attributes:
        output, said, told: the ends of its pipes from which its standard output, its standard error, and its
            descriptor 3 are read.
    """

    pid: int
    output: int
    said: int
    told: int

    def close(self) -> None:
        """Close the pipes."""
        for pipe in (self.output, self.said, self.told):
            with suppress(OSError):
                os.close(pipe)


def spawn(
    argv: Sequence[str],
    environment: Mapping[str, str],
    directory: str | None,
    *,
    pipe_octets: int,
) -> Spawned:
    """Start a process in a session of its own, with nothing to read on its standard input.

    Args:
        pipe_octets: that each pipe holds, where the system allows it.

    Raises:
        ClientUnusable: the command can't be started.
    """
    path = shutil.which(argv[0], path=environment.get("PATH"))
    if path is None and not os.path.exists(os.path.join(directory or "", argv[0])):
        raise ClientUnusable(f"the command {argv[0]!r} was not found")
    if directory is not None:
        argv = (*_IN_DIRECTORY, directory, *argv)
        path = argv[0]
    with ExitStack() as theirs:
        pipes = [_pipe(pipe_octets, theirs) for _ in range(3)]
        null = os.open(os.devnull, os.O_RDONLY)
        theirs.callback(os.close, null)
        sources = (null, *(write for _, write in pipes))
        ours = [read for read, _ in pipes]
        try:
            pid = os.posix_spawn(
                path or argv[0],
                list(argv),
                environment,
                file_actions=[
                    *((os.POSIX_SPAWN_DUP2, each, number) for number, each in enumerate(sources)),
                    *((os.POSIX_SPAWN_CLOSE, each) for each in _inherited()),
                ],
                setsid=True,
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # which Python ignores
            )
        except (OSError, ValueError) as error:
            for read in ours:
                os.close(read)
            raise ClientUnusable(
                f"the command {argv[0]!r} can't be started: {reason_of(error)}"
            ) from None
    return Spawned(pid, *ours)


def _pipe(octets: int, theirs: ExitStack) -> tuple[int, int]:
    """Open a pipe; its end for writing is closed later, and has a number that no descriptor of the child has."""
    read, low = os.pipe()
    write = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, TOLD + 1)
    os.close(low)
    theirs.callback(os.close, write)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # the user has many large pipes already
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, octets)
    return read, write


@cache
def _inherited() -> tuple[int, ...]:
    """List the descriptors that this process was started with, and that are none of the child's business."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    found = []
    for name in os.listdir(folder):
        with suppress(OSError):
            if int(name) > TOLD and os.get_inheritable(int(name)):
                found.append(int(name))
    return tuple(found)
