"""The budget of descriptors and the share of each listener."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from contextlib import ExitStack, suppress

import pytest

from hamms_trio.net.listening.descriptors import (
    RESERVED_DESCRIPTORS,
    SPARE,
    DescriptorBudget,
    WarningThrottle,
    count_open,
)


class Process:
    """A simulated process with a limit of descriptors, ``others`` of them open already."""

    def __init__(self, *, limit: int, others: int) -> None:
        self.now = 0.0
        self.others = others
        self.connections = 0
        self.budget = DescriptorBudget(
            limit=lambda: limit,
            count=lambda: self.others + self.connections + 1,
            clock=lambda: self.now,
        )

    def open_connections(self, name: str, wanted: int) -> int:
        """Return how many of ``wanted`` connections a new listener may accept."""
        share = self.budget.open_share(name)
        taken = sum(share.acquire(0) for _ in range(wanted) if self._count())
        self.connections = self.budget.connections
        return taken

    def _count(self) -> bool:
        self.connections = self.budget.connections
        return True


def test_a_flood_of_one_listener_leaves_a_reserve_for_the_others() -> None:
    process = Process(limit=20_000, others=100)
    flooded = process.open_connections("flooded", 30_000)
    assert flooded == 20_000 - SPARE - 100 - RESERVED_DESCRIPTORS
    assert process.open_connections("quiet", 100) == 100


def test_descriptors_open_already_reduce_the_budget() -> None:
    process = Process(limit=256, others=200)
    flooded = process.open_connections("flooded", 256)
    assert 0 < flooded < 256 - SPARE - 200
    assert process.open_connections("quiet", 1) == 1


def test_other_code_that_opens_descriptors_is_noticed() -> None:
    process = Process(limit=256, others=20)
    assert process.open_connections("first", 10) == 10
    process.others = 250
    process.now += 60
    assert process.open_connections("second", 10) == 1


def test_a_high_descriptor_number_exhausts_the_budget() -> None:
    process = Process(limit=256, others=20)
    share = process.budget.open_share("a")
    assert share.acquire(20)
    assert not share.acquire(255)


def test_a_closed_connection_makes_room_for_another() -> None:
    process = Process(limit=64, others=50)
    share = process.budget.open_share("a")
    while share.acquire(0):
        process.connections = process.budget.connections
    share.release()
    process.connections = process.budget.connections
    assert share.acquire(0)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's list of descriptors")
@pytest.mark.parametrize("size", ["as the kernel has it", "0, as before Linux 6.2"])
def test_open_descriptors_are_counted_by_size_or_by_list(
    size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if size.startswith("0"):
        monkeypatch.setattr("os.stat", lambda path: os.stat_result([0] * 10))
    before = count_open()
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(socket.socket())
        assert count_open() == before + 10


def test_a_repeated_warning_is_logged_once_per_interval(caplog: pytest.LogCaptureFixture) -> None:
    warnings = WarningThrottle()
    for number in range(3):
        warnings.warn("number %d", number)
    assert caplog.messages == ["number 0"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's limit of descriptors")
@pytest.mark.parametrize(
    ("limit", "flooded"), [(64, "mode"), (256, "workbench"), (256, "mode"), (1024, "workbench")]
)
def test_a_flood_of_one_port_leaves_the_other_ports_open(limit: int, flooded: str) -> None:
    """Flood one port of a child process that has a low limit of descriptors."""
    serve = textwrap.dedent("""
        import resource, sys
        limit = int(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        import trio
        from hamms_trio.app import open_hamms
        from hamms_trio.http import Router, Service
        from hamms_trio.http.resources.basics import add_basics
        from hamms_trio.http.serving.running import open_server
        from hamms_trio.net.listening.ports import open_port

        async def main():
            port, sockets = open_port("127.0.0.1", 0, purpose="a test", option="--port")
            add_basics(router := Router())
            workbench = open_server(Service(router), "127.0.0.1", port, sockets)
            only = ("tcp-accept-hang", "status")
            async with open_hamms(beginning_port=0, only=only) as hamms, workbench:
                print(hamms.ports["tcp-accept-hang"], hamms.ports["status"], port, flush=True)
                await trio.to_thread.run_sync(sys.stdin.read)

        trio.run(main)
    """)
    command = [sys.executable, "-c", serve, str(limit)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        hang, status, workbench = map(int, server.stdout.readline().split())
        busy, quiet = (
            (workbench, [status]) if flooded == "workbench" else (hang, [status, workbench])
        )
        try:
            for port in quiet:
                assert b" 200 OK" in _get_during_flood(busy, port, limit)
        finally:
            server.stdin.close()


def _get_during_flood(busy: int, port: int, connections: int) -> bytes:
    with ExitStack() as stack:
        for _ in range(connections):
            with suppress(ConnectionResetError):  # refused before the connect returned
                stack.enter_context(socket.create_connection(("127.0.0.1", busy), 10))
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return client.recv(1000)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's limit of descriptors")
def test_serve_names_a_limit_that_is_too_low_for_its_ports() -> None:
    command = [sys.executable, "-m", "hamms_trio", "serve", "--beginning-port", "0"]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "the limit is 64" in done.stderr
    assert "ulimit -n" in done.stderr.splitlines()[-1]
