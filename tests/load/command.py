"""``hamms-trio load`` in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests import forks
from tests.forks import HAMMS, Forked

SAFETY_NET = 60.0  # seconds; no step takes nearly as long
LOAD = [sys.executable, "-m", "hamms_trio", "load"]
FEW = ["-c", "4", "-n", "40"]
URL = "http://127.0.0.1:1/"


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return forks.run(HAMMS, "load", *arguments, cwd=cwd)


def result_of(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    content: dict[str, Any] = json.loads(done.stdout)
    return content


@contextmanager
def running(*arguments: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    process = Forked(HAMMS, "load", *arguments, stdout=subprocess.PIPE, **how)
    with process, ExitStack() as stack:
        stack.callback(process.kill)
        yield process
