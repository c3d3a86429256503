"""The servers under test: ours as its users start it, nginx, and the small servers of `bench.peers`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.children import START_SECONDS, Server, child, free_port
from bench.machine import server_cpu

# The command, as installed beside this Python.
_HAMMS = (str(Path(sys.executable).with_name("hamms-trio")),)


@contextmanager
def hamms(*options: str) -> Iterator[Server]:
    """Run the failure modes, with their defaults, on free ports."""
    with _started("serve", "--no-workbench", "--beginning-port", "0", *options) as server:
        yield server


@contextmanager
def workbench(*options: str) -> Iterator[Server]:
    """Run the well-behaved server with its defaults: access log and metrics on, 1000 requests a connection."""
    with _started("workbench", "--port", "0", *options) as server:
        yield Server(server.pid, {"": server.ports["workbench"]})


@contextmanager
def files(folder: Path) -> Iterator[Server]:
    """Run the file server with its defaults."""
    with _started("files", str(folder), "--port", "0") as server:
        yield Server(server.pid, {"": server.ports["files"]})


@contextmanager
def _started(*command: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = (*_HAMMS, *command, "--ready-file", str(ready))
        with child(command, cpu=server_cpu()) as process:
            deadline = time.monotonic() + START_SECONDS
            while not ready.exists():
                process.wait_a_moment(deadline)
            known = json.loads(ready.read_text(encoding="utf-8"))
            yield Server(process.pid, {slug: entry["port"] for slug, entry in known.items()})


def hamms_command(*options: str) -> list[str]:
    """Return the command that serves the failure modes."""
    return [*_HAMMS, "serve", "--no-workbench", *options]


@contextmanager
def peer(module: str, *arguments: str) -> Iterator[Server]:
    """Run a server of `bench.peers`, which prints its port."""
    with child(peer_command(module, *arguments), cpu=server_cpu()) as process:
        port = int(process.line(START_SECONDS))
        process.wait_accepting(port)
        yield Server(process.pid, {"": port})


def peer_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a server of `bench.peers`."""
    return [sys.executable, "-m", f"bench.peers.{module}", *arguments]


GREETING = 'default_type text/plain; return 200 "Hello World";'


@contextmanager
def nginx(location: str = GREETING, more: str = "", *, listen: str = "") -> Iterator[Server]:
    """Run nginx with one worker, its access log and sendfile on, otherwise with its own defaults.

    Args:
        location: the directives of its one location.
        more: directives for all of the server.
        listen: further parameters of the listening socket.

    Raises:
        Unmeasurable: nginx does not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        configuration = Path(folder) / "nginx.conf"
        content = _NGINX.format(
            folder=folder, port=port, location=location, more=more, listen=listen
        )
        configuration.write_text(content, encoding="utf-8")
        command = ["nginx", "-e", f"{folder}/error.log", "-c", str(configuration)]
        with child(command, cpu=server_cpu()) as process:
            process.wait_accepting(port)
            yield Server(process.pid, {"": port})


_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 30000; }}
http {{
  access_log {folder}/access.log combined buffer=64k;
  sendfile on; {more}
  server {{
    listen 127.0.0.1:{port} backlog=4096 {listen};
    location / {{ {location} }}
  }}
}}
"""


def has_nginx() -> bool:
    """Return whether nginx is installed."""
    return shutil.which("nginx") is not None


def nginx_version() -> str:
    """Return nginx's version, or the package to install."""
    if not has_nginx():
        return "missing (Debian's nginx-light)"
    answer = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    return answer.strip().rpartition("/")[2]
