"""Commands that serve, in a process of their own and with real signals."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer

from tests.forks import HAMMS, Forked

SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long


class Running:
    """The command, while its port accepts.

    Attributes:
        printed: its output until it was ready.
        authority: whose certificate it says that it shows.
    """

    def __init__(self, process: subprocess.Popen[str], printed: str) -> None:
        self.process = process
        self.printed = printed
        self.url = printed.rpartition(" ")[2]
        self.port = int(printed.rpartition(":")[2])
        named = re.search("--cacert (.*) \\.\\.\\.", printed)
        self.authority = Path(named[1]) if named else None

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=SAFETY_NET)

    def ended(self) -> tuple[int, str]:
        """Wait for the command to exit; return the exit code and the standard error."""
        _, errors = self.process.communicate(timeout=SAFETY_NET)
        return self.process.returncode, errors

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        return self.ended()


Run = Callable[..., Running]


@contextmanager
def starting(
    name: str, directory: Path | None = None, *, safety_net: float = SAFETY_NET
) -> Iterator[Run]:
    """Start ``hamms-trio NAME`` with these arguments, on a free port, as often as is wanted.

    Args:
        safety_net: seconds after which it is killed, so that no test waits for ever.
    """
    with ExitStack() as stack:

        def start(*arguments: str) -> Running:
            command = [name, "--port", "0", *arguments]
            pipe = subprocess.PIPE
            process = stack.enter_context(
                Forked(HAMMS, *command, stdout=pipe, stderr=pipe, cwd=directory)
            )
            stack.callback(process.kill)
            watchdog = Timer(safety_net, process.kill)
            watchdog.start()
            stack.callback(watchdog.cancel)
            assert process.stdout is not None
            printed = ""
            for line in process.stdout:
                printed += line
                if " is ready on " in line:
                    break
            return Running(process, printed.strip())

        yield start
