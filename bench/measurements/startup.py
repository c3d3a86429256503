"""The time from the start of a process until it serves."""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.children import LOOPBACK, Child, child
from bench.effort import Effort
from bench.errors import Unmeasurable
from bench.figures import OURS, AtMost, Figure, interleave
from bench.machine import server_cpu
from bench.servers import hamms_command, peer_command

STARTS = 5  # in each round
LIMIT_SECONDS = 20.0
POLL_SECONDS = 0.001
READY_MS = 200.0
WITH_WORKBENCH_MS = 400.0
PORTS = range(20_000, 32_000)  # below the ephemeral ones


def startup(effort: Effort) -> list[Figure]:
    """``hamms-trio serve`` until all its ports accept, and until its ready file exists."""
    figures = {
        "accepts_ms": Figure("process start to every port accepting", "ms", (AtMost(READY_MS),)),
        "ready_ms": Figure("process start to the ready file", "ms"),
    }
    samples = {OURS: _start_ours, "import trio": _import_trio, "uvicorn": _start_uvicorn}
    beside = {
        "accepts_ms": Figure(
            "process start to every port accepting, the workbench's too",
            "ms",
            (AtMost(WITH_WORKBENCH_MS),),
        )
    }
    return [
        *interleave(effort.rounds * STARTS, samples, figures),
        *interleave(effort.rounds * STARTS, {OURS: _start_with_workbench}, beside),
    ]


def _start_with_workbench() -> Mapping[str, float]:
    return {"accepts_ms": _start_ours(with_workbench=True)["accepts_ms"]}


def _start_ours(*, with_workbench: bool = False) -> Mapping[str, float]:
    from hamms_trio.app import WORKBENCH_OFFSET, Lab
    from hamms_trio.lab.doors import Doors
    from hamms_trio.modes import CATALOGUE
    from hamms_trio.modes.model.environment import Environment

    doors = Doors(CATALOGUE)
    all_doors = [*doors.ports, *Lab(doors, Environment()).shared_doors()]
    listening = [door.offset for door in all_doors if door.listens and door.offset]
    if with_workbench:
        listening.append(WORKBENCH_OFFSET)
    beginning = _free_ports(WORKBENCH_OFFSET + 1)
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        options = ("--workbench",) if with_workbench else ()
        command = hamms_command(
            "--beginning-port", str(beginning), "--ready-file", str(ready), *options
        )
        begin = time.monotonic()
        with child(command, cpu=server_cpu()) as process:
            _wait_accepting(process, [beginning + offset for offset in listening])
            accepts = time.monotonic() - begin
            while not ready.exists():
                _check(process, begin)
            return {"accepts_ms": 1000 * accepts, "ready_ms": 1000 * (time.monotonic() - begin)}


def _import_trio() -> Mapping[str, float]:
    begin = time.monotonic()
    with child([sys.executable, "-c", "import trio"], cpu=server_cpu()) as process:
        process.wait_ended(LIMIT_SECONDS)
        return {"accepts_ms": 1000 * (time.monotonic() - begin)}


def _start_uvicorn() -> Mapping[str, float]:
    port = _free_ports(1)
    begin = time.monotonic()
    with child(peer_command("uvicorn_start", str(port)), cpu=server_cpu()) as process:
        _wait_accepting(process, [port])
        return {"accepts_ms": 1000 * (time.monotonic() - begin)}


def _wait_accepting(process: Child, ports: Iterable[int]) -> None:
    begin = time.monotonic()
    for port in ports:
        while True:
            with socket.socket() as sock:
                if sock.connect_ex((LOOPBACK, port)) == 0:
                    break
            _check(process, begin)


def _check(process: Child, begin: float) -> None:
    if process.has_ended or time.monotonic() - begin > LIMIT_SECONDS:
        raise process.failure("did not start")
    time.sleep(POLL_SECONDS)


def _free_ports(count: int) -> int:
    """Return the first of so many free ports in a row."""
    for first in range(PORTS.start, PORTS.stop - count, count):
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise Unmeasurable(f"no {count} free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
