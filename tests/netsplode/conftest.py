"""Fixtures for the tests of netsplode."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from tests.netsplode.inject.stage import obstacle
from tests.netsplode.scenes import SAFETY_NET, Ends, connected
from tests.ports import free_ports


@pytest.fixture
def ends() -> Iterator[Ends]:
    with connected() as ends:
        yield ends


@pytest.fixture
def private_network() -> Iterator[None]:
    """Run this thread, and those that it starts, in a network of their own that only has loopback.

    Code in threads of trio needs `alone` instead, because idle ones stay in the earlier network.
    """
    reason = obstacle()
    if reason is not None:
        pytest.skip(reason)
    from tests.netsplode.inject.namespaces import Namespace  # which needs Linux

    here = Namespace()
    try:
        with here.entered():
            yield
    finally:
        os.close(here.fd)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a redis server that stores nothing, and return its port."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is needed (Debian's package of that name)")
    directory = tmp_path_factory.mktemp("redis")
    for _ in range(3):  # another process may take the port first
        port = free_ports(1)
        with _redis(port, directory) as server:
            if _is_ready(server):
                try:
                    yield port
                finally:
                    server.terminate()
                return
    raise AssertionError("redis-server did not become ready")


def _redis(port: int, directory: Path) -> subprocess.Popen[str]:
    options = {"port": port, "bind": "127.0.0.1", "save": "", "dir": directory, "daemonize": "no"}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return subprocess.Popen(["redis-server", *words], stdout=subprocess.PIPE, text=True)


def _is_ready(server: subprocess.Popen[str]) -> bool:
    """Return True if the server accepts connections before it ends or takes too long."""
    assert server.stdout is not None
    watchdog = Timer(SAFETY_NET, server.kill)
    watchdog.start()
    try:
        return any("Ready to accept connections" in line for line in server.stdout)
    finally:
        watchdog.cancel()
