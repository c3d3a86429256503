"""A terminal of a given width, and what a command writes to it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import termios
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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


def show(command: Sequence[str], columns: int, *, cwd: Path | None = None) -> Shown:
    """Run a command whose standard output and error are a terminal of this width."""
    terminal, end = pty.openpty()
    termios.tcsetwinsize(end, (50, columns))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment["TERM"] = "xterm"
    with subprocess.Popen(
        command, stdin=end, stdout=end, stderr=end, cwd=cwd, env=environment
    ) as process:
        os.close(end)
        octets = b""
        with suppress(OSError):  # EIO: the command has closed its end
            while data := os.read(terminal, 4096):
                octets += data
        os.close(terminal)
        return Shown(octets.decode(), process.wait(SAFETY_NET))
