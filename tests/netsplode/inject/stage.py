"""The process that plays scenes, and the reasons why it may not run."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SAFETY_NET = 60.0
ROOT = Path(__file__).parents[3]
NAMESPACE = "/proc/self/ns/net"


@cache
def obstacle() -> str | None:
    """Return why no scene can be played here, or None."""
    if sys.platform != "linux":
        return "only Linux has network namespaces"
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    for needed in ("ip", "unshare"):
        if shutil.which(needed) is None:
            return f"the command {needed} is needed"
    tried = subprocess.run(["unshare", "-n", "true"], capture_output=True, text=True, check=False)
    return f"no network namespace: {tried.stderr.strip()}" if tried.returncode else None


def need(command: str) -> None:
    if shutil.which(command) is None:
        pytest.skip(f"the command {command} is needed")


class Stage:
    """A process in a network namespace of its own, for many scenes; a crash starts a new one."""

    def __init__(self, program: str = "scene") -> None:
        self._program = program
        self._process: subprocess.Popen[str] | None = None
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 __exit__ closes it

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._complaints.close()

    def play(self, **scene: object) -> list[dict[str, Any]]:
        """Play a `scene.Scene` or a `crossing.Crossing`, and return the outcome of each run."""
        place: Any = scene.get("place", scene)
        if place.get("path") == "slow" and not Path("/dev/net/tun").exists():
            pytest.skip("delay and loss need /dev/net/tun")
        if place.get("firewall"):
            need("nft")
        process = self._process or self._begin()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(scene) + "\n")
        process.stdin.flush()
        readable, _, _ = select.select([process.stdout], [], [], SAFETY_NET)
        line = process.stdout.readline() if readable else ""
        if not line:
            self._end()
            self._complaints.seek(0)
            pytest.fail(self._complaints.read() or f"nothing happened for {SAFETY_NET} s")
        runs: list[dict[str, Any]] = json.loads(line)
        return runs

    def _begin(self) -> subprocess.Popen[str]:
        self._complaints.seek(0)
        self._complaints.truncate()
        command = ["unshare", "-n", sys.executable, "-m", f"tests.netsplode.inject.{self._program}"]
        self._process = subprocess.Popen(
            [*command, os.readlink(NAMESPACE)],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
        )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
