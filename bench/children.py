"""The processes of a measurement: servers, and the loads they are put under.

Every child runs in a session of its own, so that an interrupt reaches only us; it is stopped when its
``with`` block ends, however it ends, and the kernel kills it should we be killed.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import Unmeasurable
from bench.machine import client_cpu, preparation, server_cpu

START_SECONDS = 20.0
STOP_SECONDS = 5.0
LOAD_SECONDS = 120.0  # no load takes longer, or something is wrong

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process, and the port of each of its failure modes ("" if it has only one)."""

    pid: int
    ports: Mapping[str, int]

    def address(self, slug: str) -> tuple[str, int]:
        return LOOPBACK, self.ports.get(slug) or self.ports[""]


@contextmanager
def child(
    command: Sequence[str], *, cpu: int | None, idle: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose standard output is a pipe; stopped at the end."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=preparation(cpu, idle=idle),  # noqa: PLW1509  # we have no threads
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    try:
        yield process
    finally:
        _stop(process)


@contextmanager
def hamms(*options: str) -> Iterator[Server]:
    """Our server, as its users start it, on free ports."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = hamms_command("--beginning-port", "0", "--ready-file", str(ready), *options)
        with child(command, cpu=server_cpu()) as process:
            deadline = time.monotonic() + START_SECONDS
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Unmeasurable(f"hamms-trio did not start: {_complaint(process)}")
                time.sleep(0.01)
            known = json.loads(ready.read_text(encoding="utf-8"))
            yield Server(process.pid, {slug: entry["port"] for slug, entry in known.items()})


def hamms_command(*options: str) -> list[str]:
    """The command that serves, as installed beside this Python."""
    return [str(Path(sys.executable).with_name("hamms-trio")), "serve", *options]


@contextmanager
def peer(module: str, *arguments: str) -> Iterator[Server]:
    """A server of `bench.peers`, which prints its port once it accepts."""
    command = peer_command(module, *arguments)
    with child(command, cpu=server_cpu()) as process:
        line = _line(process, START_SECONDS)
        yield Server(process.pid, {"": int(line)})


def peer_command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"bench.peers.{module}", *arguments]


def load(name: str, **arguments: object) -> dict[str, float]:
    """Put a server under one load of `bench.loads`, and return what it counted.

    Raises:
        Unmeasurable: it failed, or took too long.
    """
    with child(_load_command(name, arguments), cpu=client_cpu()) as process:
        while True:
            line = _line(process, LOAD_SECONDS)
            if line != STEADY:
                counted: dict[str, float] = json.loads(line)
                return counted


@contextmanager
def background_load(name: str, **arguments: object) -> Iterator[None]:
    """The same, going on while the block runs, but only when no other client wants the processor."""
    with child(_load_command(name, arguments), cpu=client_cpu(), idle=True) as process:
        while _line(process, LOAD_SECONDS) != STEADY:
            pass
        yield
        if process.poll() is not None:
            raise Unmeasurable(f"the load {name} ended early: {_complaint(process)}")


STEADY = "steady"  # what a load prints once it has come to what is to be measured


def _load_command(name: str, arguments: Mapping[str, object]) -> list[str]:
    return [sys.executable, "-m", "bench.load", name, json.dumps(arguments)]


def _line(process: subprocess.Popen[bytes], timeout: float) -> str:
    """The next line of a child's output."""
    assert process.stdout is not None
    deadline = time.monotonic() + timeout
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            raise Unmeasurable(f"{_name(process)} said nothing for {timeout:g} seconds")
        octets = os.read(process.stdout.fileno(), 65536)
        if not octets:
            raise Unmeasurable(f"{_name(process)} ended: {_complaint(process)}")
        line += octets
    return line.decode().splitlines()[-1]


def _complaint(process: subprocess.Popen[bytes]) -> str:
    """The last line that it wrote to standard error before it ended."""
    _stop(process, close=False)
    assert process.stderr is not None
    lines = process.stderr.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit status {process.returncode}, no complaint"


def _name(process: subprocess.Popen[bytes]) -> str:
    assert isinstance(process.args, list)
    return " ".join(str(argument) for argument in process.args[1:4])


def _stop(process: subprocess.Popen[bytes], *, close: bool = True) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if close:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
