"""One process of a client: its start, its output, its limits, and its end."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from subprocess import PIPE, Popen

import trio

from hamms_trio.check.client import KEPT_OCTETS, Stopped
from hamms_trio.check.clients.family import KIBIBYTE, kill_all, peak_memory, processor_waits, reap
from hamms_trio.check.clients.spawn import Spawned, spawn
from hamms_trio.errors import ClientUnusable, reason_of

SAMPLE_SECONDS = 0.04  # between two looks at the memory of a process
MOST_OUTPUT = 256 * 1024 * 1024  # octets of one output; then the client is stopped
SAID_OCTETS = 16 * 1024  # of the standard error that are kept
TOLD_OCTETS = 64 * 1024  # of descriptor 3 that are kept
END_SECONDS = 2.0  # for the pipes to end once all processes are killed
# Octets that are read at once, and that a pipe holds where the system allows it.
PIPE_OCTETS = 1024 * 1024
# A larger output has no digest, since that would slow the client down.
HASHED_OCTETS = 16 * 1024 * 1024


class Kept:
    """Octets that come in pieces: the first ones, the number of all, and their digest."""

    def __init__(self, limit: int = KEPT_OCTETS) -> None:
        self.octets = 0
        self._limit = limit
        self._first = bytearray()
        self._digest = sha256()

    def add(self, data: bytes) -> None:
        self.octets += len(data)
        if self.octets <= HASHED_OCTETS:
            self._digest.update(data)
        if (room := self._limit - len(self._first)) > 0:
            self._first += data[:room]

    @property
    def first(self) -> bytes:
        return bytes(self._first)

    @property
    def sha256(self) -> str:
        """The digest of all octets, or "" if they are too many."""
        return self._digest.hexdigest() if self.octets <= HASHED_OCTETS else ""


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """The end of a process.

    Attributes:
        code: its exit code, or None if a signal ended it.
        signal: that signal, unless we sent it.
        stopped: why we ended it, or None.
        rss: its greatest resident memory in octets, as far as it could be measured.
        cpu: its processor time in seconds.
        waited: seconds for which it was ready to run, and had no processor; None if unknown.
        said: the end of its standard error.
        told: the beginning of its output on descriptor 3.
    """

    code: int | None
    signal: int | None
    stopped: Stopped | None
    seconds: float
    rss: int | None
    cpu: float | None
    waited: float | None
    output: Kept
    said: str
    told: bytes


async def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: str | None,
    nonce: str,
    cap: float,
    memory_limit: int | None,
) -> ProcessEnd:
    """Run a process until it ends or passes a limit, and leave none of its descendants behind.

    Raises:
        ClientUnusable: the command can't be started.
    """
    process = spawn(argv, environment, directory, pipe_octets=PIPE_OCTETS)
    limit_files(process.pid)
    running = Running(process, nonce, memory_limit)
    output, said, told = Kept(), Tail(), Kept(TOLD_OCTETS)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(running.read_all, process.output, output)
            nursery.start_soon(running.read_all, process.said, said)
            nursery.start_soon(running.read_all, process.told, told)
            await running.wait(cap)
            running.kill()
            nursery.cancel_scope.deadline = trio.current_time() + END_SECONDS
    finally:
        running.kill()
        running.close()
    return running.ended(output, said.text, told.first)


def start(
    argv: Sequence[str], environment: Mapping[str, str], directory: str | None
) -> Popen[bytes]:
    """Start a process that goes on, in a session of its own, with pipes for its input and its output.

    Raises:
        ClientUnusable: the command can't be started.
    """
    try:
        process = Popen(
            argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            pipesize=PIPE_OCTETS,
            cwd=directory,
            env=dict(environment),
            start_new_session=True,
        )
    except FileNotFoundError:
        raise ClientUnusable(f"the command {argv[0]!r} was not found") from None
    except (OSError, ValueError) as error:
        raise ClientUnusable(
            f"the command {argv[0]!r} can't be started: {reason_of(error)}"
        ) from None
    limit_files(process.pid)
    return process


def limit_files(pid: int) -> None:
    """Limit the files that a process may write, where that is possible from outside."""
    if sys.platform == "linux":
        with suppress(OSError):  # it has ended already
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (MOST_OUTPUT, MOST_OUTPUT))


class Tail:
    """The end of a text that comes in pieces."""

    def __init__(self) -> None:
        self._octets = b""

    def add(self, data: bytes) -> None:
        self._octets = (self._octets + data)[-SAID_OCTETS:]

    @property
    def octets(self) -> int:
        return 0  # it has no limit

    @property
    def text(self) -> str:
        return self._octets.decode("utf-8", "replace")


class Running:
    """A process that runs, with its limits."""

    def __init__(self, process: Spawned, nonce: str, memory_limit: int | None) -> None:
        self.process = process
        self.stopped: Stopped | None = None
        self._nonce = nonce
        self._memory_limit = memory_limit
        self._began = trio.current_time()
        self._seconds = 0.0
        self._status: int | None = None
        self._peak: int | None = None
        self._used: resource.struct_rusage | None = None
        self._waited: float | None = None
        self._floor = _own_peak()
        self._orphans: set[int] = set()

    async def read_all(self, pipe: int, into: Kept | Tail) -> None:
        """Read a pipe to its end; stop the process if it writes too much."""
        async with trio.lowlevel.FdStream(os.dup(pipe)) as stream:
            while data := await stream.receive_some(PIPE_OCTETS):
                into.add(data)
                if into.octets > MOST_OUTPUT:
                    self.stop(Stopped.OUTPUT)
                    return

    def stop(self, why: Stopped) -> None:
        """Kill the process, and record the reason."""
        if self._status is None and self.stopped is None:
            self.stopped = why
            self.kill()

    async def wait(self, cap: float) -> None:
        """Wait for the process's end, or end it at the cap."""
        with trio.move_on_after(cap) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_memory)
                await self._wait_ended()
                nursery.cancel_scope.cancel()
        if scope.cancelled_caught and self._status is None:
            self.stop(Stopped.CAP)
            await self._wait_ended()

    def kill(self) -> None:
        """Kill the process and its descendants."""
        self._orphans |= kill_all(self.process.pid, self._nonce)

    def close(self) -> None:
        """Close the pipes, and reap the process and its orphans."""
        self.process.close()
        if self._status is None:
            with suppress(OSError):
                self._reap(0)
        reap(self._orphans)

    def ended(self, output: Kept, said: str, told: bytes) -> ProcessEnd:
        """Return how the process ended."""
        code = None if self._status is None else os.waitstatus_to_exitcode(self._status)
        by_signal = -code if code is not None and code < 0 and self.stopped is None else None
        if by_signal == signal.SIGXFSZ:
            self.stopped, by_signal = Stopped.OUTPUT, None
        return ProcessEnd(
            code=code if code is not None and code >= 0 else None,
            signal=by_signal,
            stopped=self.stopped,
            seconds=self._seconds,
            rss=self._memory(),
            cpu=self._used.ru_utime + self._used.ru_stime if self._used else None,
            waited=self._waited,
            output=output,
            said=said,
            told=told,
        )

    def _memory(self) -> int | None:
        """Return the greatest resident memory.

        The kernel's count starts at the peak of this process, so that only samples can show a smaller one.
        """
        if self._used is not None:
            counted = _octets(self._used.ru_maxrss)
            if counted > self._floor:
                return max(counted, self._peak or 0)
        return self._peak

    async def _watch_memory(self) -> None:
        pause = SAMPLE_SECONDS / 8  # the first looks come early, since many processes end soon
        while True:
            await trio.sleep(pause)
            pause = min(pause * 2, SAMPLE_SECONDS)
            peak = peak_memory(self.process.pid)
            if peak is not None:
                self._peak = max(self._peak or 0, peak)
                if self._memory_limit is not None and peak > self._memory_limit:
                    self.stop(Stopped.MEMORY)
                    return

    async def _wait_ended(self) -> None:
        async with _exit_of(self.process.pid):
            self._seconds = trio.current_time() - self._began
            self._waited = max(processor_waits(self.process.pid).values(), default=None)
            self._reap(0)

    def _reap(self, options: int) -> None:
        pid, status, used = os.wait4(self.process.pid, options)
        if pid:
            self._status, self._used = status, used


@asynccontextmanager
async def _exit_of(pid: int) -> AsyncIterator[None]:
    """Wait until a process has ended; it is not reaped."""
    if hasattr(os, "pidfd_open"):
        descriptor = os.pidfd_open(pid)
        try:
            await trio.lowlevel.wait_readable(descriptor)
        finally:
            os.close(descriptor)
    else:
        wait = partial(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        await trio.to_thread.run_sync(wait, abandon_on_cancel=True)
    yield


def _own_peak() -> int:
    return _octets(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _octets(maxrss: int) -> int:
    return maxrss if sys.platform == "darwin" else maxrss * KIBIBYTE
