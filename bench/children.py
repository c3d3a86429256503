"""The processes of a measurement: servers, and the loads that they serve.

Each child runs in a session of its own, so that an interrupt reaches only the parent. A child stops when its
``with`` block ends, however the block ends, and the kernel kills the child if the parent dies.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from bench.errors import Unmeasurable
from bench.machine import client_cpu, preparation

START_SECONDS = 20.0
STOP_SECONDS = 5.0
LOAD_SECONDS = 120.0  # the longest time of a load; a longer one has failed
POLL_SECONDS = 0.01

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process, and the port of each failure mode ("" if there is only one port)."""

    pid: int
    ports: Mapping[str, int]

    def address(self, slug: str = "") -> tuple[str, int]:
        return LOOPBACK, self.ports.get(slug) or self.ports[""]


class Child:
    """A running process with its standard output and its last line of standard error."""

    def __init__(self, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
        self.pid = process.pid
        self._process = process
        self._complaints = complaints

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def line(self, timeout: float) -> str:
        """Return the last line of the child's next output.

        Raises:
            Unmeasurable: the child prints nothing in time, or ends.
        """
        output = self._process.stdout
        assert output is not None
        deadline = time.monotonic() + timeout
        octets = b""
        while not octets.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                raise self.failure(f"printed nothing for {timeout:g} seconds")
            more = os.read(output.fileno(), 65536)
            if not more:
                raise self.failure("ended")
            octets += more
        return octets.decode().splitlines()[-1]

    def wait_accepting(self, port: int, timeout: float = START_SECONDS) -> None:
        """Wait until the child accepts connections on a port.

        Raises:
            Unmeasurable: the child does not accept in time, or ends.
        """
        deadline = time.monotonic() + timeout
        while not _accepts(port):
            self.wait_a_moment(deadline)

    def wait_a_moment(self, deadline: float) -> None:
        """Sleep between two looks at a child that is starting.

        Raises:
            Unmeasurable: the child has ended, or the deadline has passed.
        """
        if self.has_ended or time.monotonic() > deadline:
            raise self.failure("did not start")
        time.sleep(POLL_SECONDS)

    def wait_ended(self, timeout: float) -> None:
        """Wait until the child ends, without the pauses of `subprocess`.

        Raises:
            Unmeasurable: the child does not end in time.
        """
        ended = os.pidfd_open(self.pid)
        try:
            if not select.select([ended], [], [], timeout)[0]:
                raise self.failure(f"did not end within {timeout:g} seconds")
        finally:
            os.close(ended)

    def failure(self, how: str) -> Unmeasurable:
        """Stop the child, and return an error that names the child and quotes its last complaint."""
        self.stop()
        self._complaints.seek(0)
        words = self._complaints.read().decode(errors="replace").strip().splitlines()
        last = words[-1] if words else "standard error is empty"
        command = self._process.args
        assert isinstance(command, list)
        begin = command.index("-m") if "-m" in command else 1
        reason = last.removeprefix(f"{Unmeasurable.__module__}.{Unmeasurable.__qualname__}: ")
        return Unmeasurable(f"{' '.join(command[begin : begin + 3])} {how}: {reason}")

    def stop(self) -> None:
        """End the child, and kill what it has left in its session."""
        if not self.has_ended:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):  # nothing is left, as it should be
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def child(command: Sequence[str], *, cpu: int | None, idle: bool = False) -> Iterator[Child]:
    """Run a process that stops when the block ends.

    Args:
        cpu: see `machine.preparation`.
        idle: see `machine.preparation`.
    """
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
            preexec_fn=preparation(cpu, idle=idle),  # safe: this process has no threads
        ) as process,
    ):
        running = Child(process, complaints)
        try:
            yield running
        finally:
            running.stop()


def free_port() -> int:
    """Return a port that no process has at the moment."""
    with socket.create_server((LOOPBACK, 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((LOOPBACK, port)) == 0


def load(name: str, **arguments: object) -> dict[str, float]:
    """Run one load of `bench.loads` against a server, and return its counts.

    Raises:
        Unmeasurable: the load failed, or took too long.
    """
    with child(_load_command(name, arguments), cpu=client_cpu()) as process:
        while (line := process.line(LOAD_SECONDS)) == STEADY:
            pass
        counted: dict[str, float] = json.loads(line)
        return counted


@contextmanager
def background_load(name: str, **arguments: object) -> Iterator[None]:
    """Run a load while the block runs, at times when no other client wants the processor."""
    with child(_load_command(name, arguments), cpu=client_cpu(), idle=True) as process:
        process.line(LOAD_SECONDS)
        yield
        if process.has_ended:
            raise process.failure("ended early")


STEADY = "steady"  # the line that a load prints at the beginning of the measured time


def _load_command(name: str, arguments: Mapping[str, object]) -> list[str]:
    return [sys.executable, "-m", "bench.load", name, json.dumps(arguments)]
