"""Terminals, and the octets that a command writes to them."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.forks import HAMMS, Forked

SAFETY_NET = 60.0  # seconds; no command is expected to take nearly as long
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Shown:
    """The text that a terminal received, and the exit code of the command."""

    text: str
    returncode: int

    @property
    def lines(self) -> list[str]:
        """The lines of standard output; a line of progress that was erased stands before the first."""
        return _STYLE.sub("", self.text.rpartition("\x1b[2K")[2]).splitlines()


def show(*arguments: str, columns: int, cwd: Path | None = None) -> Shown:
    """Run a command whose standard output and error are a terminal of this width."""
    terminal, end = pty.openpty()
    termios.tcsetwinsize(end, (50, columns))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment["TERM"] = "xterm"
    ends = {"stdin": end, "stdout": end, "stderr": end}
    with Forked(HAMMS, *arguments, **ends, cwd=cwd, env=environment) as process:
        os.close(end)
        octets = b""
        with suppress(OSError):  # EIO: the command has closed its end
            while data := os.read(terminal, 4096):
                octets += data
        os.close(terminal)
        return Shown(octets.decode(), process.wait(SAFETY_NET))


class Terminal:
    """A terminal that is a process's standard error, while its standard output is a pipe.

    Attributes:
        seen: the octets that were read from the terminal.
    """

    def __init__(self, process: subprocess.Popen[str], descriptor: int) -> None:
        self.process = process
        self.seen = b""
        self._descriptor = descriptor

    def read_until(self, pattern: bytes) -> None:
        """Read until the pattern has been written."""
        while re.search(pattern, self.seen) is None:
            data = os.read(self._descriptor, 4096)
            assert data
            self.seen += data

    def interrupt(self) -> str:
        """Send SIGINT, read the rest, and return the process's standard output."""
        self.process.send_signal(signal.SIGINT)
        with suppress(OSError):  # EIO: the process has closed its end
            while data := os.read(self._descriptor, 4096):
                self.seen += data
        output, _ = self.process.communicate(timeout=SAFETY_NET)
        return output


@contextmanager
def on_terminal(*arguments: str) -> Iterator[Terminal]:
    """Run a command whose standard error is a terminal; kill it in the end."""
    descriptor, end = pty.openpty()
    with Forked(HAMMS, *arguments, stdout=subprocess.PIPE, stderr=end) as process:
        os.close(end)
        try:
            yield Terminal(process, descriptor)
        finally:
            process.kill()
            os.close(descriptor)
