"""Connections of a process in another network namespace, such as a container's, found by its process id."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from netsplode import ConnectionNotFound, MissingCapability, find_connections, reset_connection
from netsplode.cli import main
from netsplode.kernel.namespaces import network_of
from tests.netsplode import alone
from tests.netsplode.inject.stage import obstacle
from tests.netsplode.scenes import SAFETY_NET, Ends, assert_reset, on_linux

pytestmark = [on_linux, pytest.mark.privileged]

CONTAINED = """
import socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
print("connected", flush=True)
for end in client, server:
    end.settimeout(20)
    try:
        print(end.recv(1))
    except OSError as error:
        print(type(error).__name__)
"""


@contextmanager
def contained() -> Iterator[tuple[int, Callable[[], str]]]:
    """Run a process with both ends of a connection in a network of its own.

    Yields:
        Its process id, and a function that waits for its end and returns the errors of both sockets.
    """
    reason = obstacle()
    if reason is not None:
        pytest.skip(reason)
    command = ["unshare", "--net", sys.executable, "-c", CONTAINED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "connected\n"
            yield process.pid, lambda: process.communicate(timeout=SAFETY_NET)[0]
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("technique", "errors"),
    [
        ("auto", {"ConnectionResetError"}),
        ("rst", {"ConnectionResetError"}),
        ("destroy", {"ConnectionResetError", "ConnectionAbortedError"}),
        ("keepalive", {"ConnectionResetError"}),
    ],
)
def test_a_connection_of_another_namespace_is_reset(technique: str, errors: set[str]) -> None:
    with contained() as (pid, wait):
        connection, _ = find_connections(pid=pid)
        assert reset_connection(connection, technique=technique).is_confirmed
        assert set(wait().split()) == errors


def test_the_command_resets_a_process_of_another_namespace() -> None:
    with contained() as (pid, wait):
        listed = CliRunner().invoke(main, ["list", "--pid", str(pid), "--json"])
        assert {row["pid"] for row in json.loads(listed.stdout)} == {pid}
        assert CliRunner().invoke(main, ["reset", "--pid", str(pid)]).exit_code == 0
        assert set(wait().split()) == {"ConnectionResetError"}


def test_a_socket_of_this_namespace_in_a_contained_process_is_found(ends: Ends) -> None:
    ends.client.settimeout(None)
    with subprocess.Popen(["unshare", "--net", "cat"], stdin=ends.client.fileno()) as process:
        wait_until_elsewhere(process.pid)
        (found,) = find_connections(pid=process.pid)
        assert (found.local, found.network) == (ends.client.getsockname(), None)
        assert reset_connection(found).is_confirmed
        assert_reset(ends.server)


def wait_until_elsewhere(pid: int) -> None:
    while network_of(pid) is None:
        pass


def test_the_thread_stays_in_its_own_namespace() -> None:
    with contained() as (pid, _):
        network = network_of(pid)
        assert network is not None
        assert network.run(lambda: network_of(pid)) is None
        assert network_of(pid) == network


def test_a_process_that_has_ended_is_not_found() -> None:
    with contained() as (pid, _):
        connection, _ = find_connections(pid=pid)
    with pytest.raises(ConnectionNotFound):
        find_connections(pid=pid)
    with pytest.raises((OSError, LookupError)):
        reset_connection(connection)


def find_or_explain(pid: int) -> list[str]:
    try:
        find_connections(pid=pid)
    except MissingCapability as error:
        return [str(error), *error.missing]
    return []


def drop_sys_admin(pid: int) -> list[str]:
    """Look for the process's connections without CAP_SYS_ADMIN."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(24, 21, 0, 0, 0) == 0  # PR_CAPBSET_DROP, CAP_SYS_ADMIN
    code = f"from {__name__} import find_or_explain as f; import json; print(json.dumps(f({pid})))"
    done = alone.interpret("-c", code)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def test_without_permission_the_error_names_nsenter() -> None:
    with contained() as (pid, _):
        message, missing = alone.call(drop_sys_admin, pid)
    assert missing == "CAP_SYS_ADMIN"
    assert f"nsenter -t {pid} -n" in message
