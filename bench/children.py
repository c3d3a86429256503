"""The processes of a measurement: servers, and the loads they are put under.

Every child runs in a session of its own, so that an interrupt reaches only us; it is stopped when its
``with`` block ends, however it ends, and the kernel kills it should we be killed.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

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


class Child:
    """A running process, what it says on standard output, and its last words on standard error."""

    def __init__(self, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
        self.pid = process.pid
        self._process = process
        self._complaints = complaints

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def line(self, timeout: float) -> str:
        """The last line of what it says next.

        Raises:
            Unmeasurable: it says nothing in time, or ends.
        """
        output = self._process.stdout
        assert output is not None
        deadline = time.monotonic() + timeout
        octets = b""
        while not octets.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                raise self.failure(f"said nothing for {timeout:g} seconds")
            more = os.read(output.fileno(), 65536)
            if not more:
                raise self.failure("ended")
            octets += more
        return octets.decode().splitlines()[-1]

    def wait_ended(self, timeout: float) -> None:
        """Wait until it ends, without the pauses in which `subprocess` looks.

        Raises:
            Unmeasurable: it does not end in time.
        """
        ended = os.pidfd_open(self.pid)
        try:
            if not select.select([ended], [], [], timeout)[0]:
                raise self.failure(f"did not end within {timeout:g} seconds")
        finally:
            os.close(ended)

    def failure(self, how: str) -> Unmeasurable:
        """What to raise: which child it was, and what it complained of last. It is stopped."""
        self.stop()
        self._complaints.seek(0)
        words = self._complaints.read().decode(errors="replace").strip().splitlines()
        last = words[-1] if words else "it complained of nothing"
        command = self._process.args
        assert isinstance(command, list)
        begin = command.index("-m") if "-m" in command else 1
        return Unmeasurable(f"{' '.join(command[begin : begin + 3])} {how}: {last}")

    def stop(self) -> None:
        if self.has_ended:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def child(command: Sequence[str], *, cpu: int | None, idle: bool = False) -> Iterator[Child]:
    """A process that is stopped at the end.

    Args:
        cpu, idle: see `machine.preparation`.
    """
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
            preexec_fn=preparation(cpu, idle=idle),  # safe: we have no threads
        ) as process,
    ):
        running = Child(process, complaints)
        try:
            yield running
        finally:
            running.stop()


@contextmanager
def hamms(*options: str) -> Iterator[Server]:
    """Our server, as its users start it, on free ports."""
    with _started("serve", "--no-workbench", "--beginning-port", "0", *options) as server:
        yield server


@contextmanager
def workbench(*options: str) -> Iterator[Server]:
    """Our well-behaved server, as its users start it, but for a connection's number of requests."""
    unlimited = ("--max-requests", "0", "--max-connections", "100000", "--keepalive-timeout", "60")
    with _started("workbench", "--port", "0", *unlimited, *options) as server:
        yield Server(server.pid, {"": server.ports["workbench"]})


@contextmanager
def files(folder: Path) -> Iterator[Server]:
    """Our file server, as its users start it."""
    with _started("files", str(folder), "--port", "0") as server:
        yield Server(server.pid, {"": server.ports["files"]})


ANSWERING = 'default_type text/plain; return 200 "Hello World";'


@contextmanager
def nginx(does: str = ANSWERING, more: str = "") -> Iterator[Server]:
    """nginx with one worker, its access log and sendfile on, otherwise with its own defaults.

    Args:
        does: what is in its one location.
        more: directives for all of it.

    Raises:
        Unmeasurable: it does not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        configuration = Path(folder) / "nginx.conf"
        content = _NGINX.format(folder=folder, port=port, does=does, more=more)
        configuration.write_text(content, encoding="utf-8")
        command = ["nginx", "-e", f"{folder}/error.log", "-c", str(configuration)]
        with child(command, cpu=server_cpu()) as process:
            deadline = time.monotonic() + START_SECONDS
            while not _accepts(port):
                if process.has_ended or time.monotonic() > deadline:
                    raise process.failure("did not start")
                time.sleep(0.01)
            yield Server(process.pid, {"": port})


_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 30000; }}
http {{
  access_log {folder}/access.log combined buffer=64k;
  sendfile on; {more}
  keepalive_requests 1000000000;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ {does} }}
  }}
}}
"""


def has_nginx() -> bool:
    """Whether nginx is installed; it is a peer that may be missing."""
    return shutil.which("nginx") is not None


def nginx_version() -> str:
    """Its version, or what to install."""
    if not has_nginx():
        return "missing (Debian's nginx-light)"
    told = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    return told.strip().rpartition("/")[2]


def free_port() -> int:
    """One that nobody has just now."""
    with socket.create_server((LOOPBACK, 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((LOOPBACK, port)) == 0


@contextmanager
def _started(*command: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = (*_HAMMS, *command, "--ready-file", str(ready))
        with child(command, cpu=server_cpu()) as process:
            deadline = time.monotonic() + START_SECONDS
            while not ready.exists():
                if process.has_ended or time.monotonic() > deadline:
                    raise process.failure("did not start")
                time.sleep(0.01)
            known = json.loads(ready.read_text(encoding="utf-8"))
            yield Server(process.pid, {slug: entry["port"] for slug, entry in known.items()})


# The command, as installed beside this Python.
_HAMMS = (str(Path(sys.executable).with_name("hamms-trio")),)


def hamms_command(*options: str) -> list[str]:
    """The command that serves the failure modes."""
    return [*_HAMMS, "serve", "--no-workbench", *options]


@contextmanager
def peer(module: str, *arguments: str) -> Iterator[Server]:
    """A server of `bench.peers`, which prints its port once it accepts."""
    with child(peer_command(module, *arguments), cpu=server_cpu()) as process:
        yield Server(process.pid, {"": int(process.line(START_SECONDS))})


def peer_command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"bench.peers.{module}", *arguments]


def load(name: str, **arguments: object) -> dict[str, float]:
    """Put a server under one load of `bench.loads`, and return what it counted.

    Raises:
        Unmeasurable: it failed, or took too long.
    """
    with child(_load_command(name, arguments), cpu=client_cpu()) as process:
        while (line := process.line(LOAD_SECONDS)) == STEADY:
            pass
        counted: dict[str, float] = json.loads(line)
        return counted


@contextmanager
def background_load(name: str, **arguments: object) -> Iterator[None]:
    """The same, going on while the block runs, but only when no other client wants the processor."""
    with child(_load_command(name, arguments), cpu=client_cpu(), idle=True) as process:
        process.line(LOAD_SECONDS)
        yield
        if process.has_ended:
            raise process.failure("ended early")


STEADY = "steady"  # what a load prints once it has come to what is to be measured


def _load_command(name: str, arguments: Mapping[str, object]) -> list[str]:
    return [sys.executable, "-m", "bench.load", name, json.dumps(arguments)]
