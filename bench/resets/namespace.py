"""A private network namespace around a whole process, so that nothing sniffed or injected leaves it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from typing import Any

from bench.children import child
from bench.errors import Unmeasurable

NAMESPACE = "/proc/self/ns/net"


def play(name: str, seconds: float, **arguments: object) -> Any:
    """Run a play of `bench.resets.__main__` in a namespace of its own, and return its result.

    Raises:
        Unmeasurable: no namespace can be made, or the play failed or took too many seconds.
    """
    program = [sys.executable, "-m", "bench.resets", name, json.dumps(arguments)]
    command = [*entering(), *program, os.readlink(NAMESPACE), str(int(seconds) + 10)]
    with child(command, cpu=None) as process:
        return json.loads(process.line(seconds))


@cache
def entering() -> list[str]:
    """Return the command that runs another one in a new network namespace.

    Raises:
        Unmeasurable: the command does not work here.
    """
    command = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    for needed in ("unshare", "ip"):
        if shutil.which(needed) is None:
            raise Unmeasurable(f"the command {needed} is needed for a private network namespace")
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        reason = tried.stderr.strip()
        raise Unmeasurable(f"no private network namespace, which root can always make: {reason}")
    return command
