"""The command `netsplode`: its list, its resets and its exit codes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from netsplode.cli import main
from tests.netsplode.scenes import (
    SAFETY_NET,
    Ends,
    assert_listens,
    assert_open,
    assert_reset,
    connected,
    connected_child,
    on_linux,
)

pytestmark = on_linux

# Outside of a private network, a port or one address may match connections of other programs.
in_private_network = pytest.mark.usefixtures("private_network")


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def rows_of(done: Result) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def written(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def holder_of_other_end(sock: socket.socket) -> int:
    """Find the process at the other end of a connection of ours."""
    ends = {written(sock), "{}:{}".format(*sock.getpeername())}
    listed = rows_of(run("list", "--port", port_of(sock), "--json"))
    (pid,) = {row["pid"] for row in listed if {row["local"], row["remote"]} == ends} - {os.getpid()}
    return int(pid)


def port_of(sock: socket.socket) -> str:
    return str(sock.getsockname()[1])


def test_list_shows_both_ends_with_their_state_and_process(ends: Ends) -> None:
    ends.client.shutdown(socket.SHUT_WR)
    done = run("list", "--port", port_of(ends.client))
    heading, *rows = (line.split() for line in done.stdout.splitlines())
    here, there, pid = written(ends.client), written(ends.server), str(os.getpid())
    assert heading == ["LOCAL", "REMOTE", "STATE", "PID", "COMMAND"]
    listed = {(row[0], row[1], row[3]): row[2] for row in rows}
    assert listed[here, there, pid].startswith("fin_wait")  # 1 or 2: the ACK may be delayed
    assert listed[there, here, pid] == "close_wait"
    assert done.exit_code == 0


def test_list_shows_the_connections_of_one_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with connected_child(listener) as (server, outcome):
            pid = holder_of_other_end(server)
            (row,) = rows_of(run("list", "--pid", str(pid), "--json"))
            assert (row["remote"], row["state"]) == (written(server), "established")
            server.close()
            assert outcome() == "end"


def test_list_shows_no_listeners_and_ipv6_in_brackets() -> None:
    with connected("::1") as ends:
        rows = rows_of(run("list", "--json"))
        assert written(ends.client) in {row["local"] for row in rows}
        assert "listen" not in {row["state"] for row in rows}


def test_list_without_matches_prints_an_empty_table() -> None:
    none = ("--pid", str(os.getpid()), "--port", "1")
    assert len(run("list", *none).stdout.splitlines()) == 1
    assert rows_of(run("list", *none, "--json")) == []


@pytest.mark.parametrize("turned", [False, True], ids=["client-first", "server-first"])
def test_both_addresses_reset_one_connection(ends: Ends, turned: bool) -> None:
    pair = [written(ends.client), written(ends.server)]
    done = run("reset", *(pair[::-1] if turned else pair))
    assert done.exit_code == 0
    assert "reset by abort" in done.stdout
    assert_reset(ends.client)
    assert_listens(ends.listener)


@pytest.mark.privileged
@in_private_network
def test_port_resets_every_connection_with_this_port() -> None:
    with connected() as ends, connected() as spared, ExitStack() as stack:
        clients = [ends.client]
        for _ in range(3):
            clients.append(socket.create_connection(ends.listener.getsockname()))
            stack.enter_context(clients[-1])
            stack.enter_context(ends.listener.accept()[0])
        done = run("reset", "--port", port_of(ends.listener), "--json")
        assert (done.exit_code, len(rows_of(done))) == (0, 4)
        assert {tuple(row["ends"].values()) for row in rows_of(done)} == {("reset", "reset")}
        for client in clients:
            assert_reset(client)
        assert_listens(ends.listener)
        assert_open(spared)


@pytest.mark.privileged
@in_private_network
def test_pid_resets_every_connection_of_this_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, connected() as spared:
        with connected_child(listener) as (server, outcome):
            pid = holder_of_other_end(server)
            assert run("reset", "--pid", str(pid)).exit_code == 0
            assert_reset(server)
            assert outcome() in ("ConnectionResetError", "BrokenPipeError")
        assert_open(spared)


@pytest.mark.privileged
@in_private_network
@pytest.mark.parametrize("technique", ["abort", "rst", "destroy"])
def test_one_address_and_a_technique_suffice(technique: str) -> None:
    with connected() as ends:
        done = run("reset", written(ends.listener), "--technique", technique, "--verify", "--json")
        (row,) = rows_of(done)
        assert (done.exit_code, row["technique"]) == (0, technique)
        assert "unconfirmed" not in row["ends"].values()
        assert_reset(ends.client if row["local"] == written(ends.server) else ends.server)


def test_a_dry_run_names_the_connection_and_resets_nothing(ends: Ends) -> None:
    pair = written(ends.client), written(ends.server)
    assert "would be reset" in run("reset", *pair, "--dry-run").stdout
    done = run("reset", *pair, "--dry-run", "--json")
    (row,) = rows_of(done)
    assert (done.exit_code, {row["local"], row["remote"]}) == (0, set(pair))
    assert_open(ends)


def test_the_exit_code_is_1_without_a_match(ends: Ends) -> None:
    ends.client.close()
    done = run("reset", written(ends.server), "127.0.0.1:1")
    assert (done.exit_code, done.stderr) == (1, "no connection matches\n")


def test_the_exit_code_is_1_after_a_failed_reset(ends: Ends) -> None:
    pair = written(ends.client), written(ends.server)
    done = run("reset", *pair, "--technique", "close", "--json")
    (row,) = rows_of(done)
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert "another process holds" in row["error"]
    assert row["error"] in done.stderr
    assert_open(ends)


WRONG = [
    ([], "give LOCAL and REMOTE"),
    (["nonsense"], "is no address"),
    (["127.0.0.1:0", "127.0.0.1:1"], "no port between 1 and 65535"),
    (["--port", "0"], "not in the range"),
    (["--port", "1", "--technique", "nuke"], "is not one of 'auto', 'abort'"),
    (["--port", "1", "--timeout", "0"], "not in the range"),
    (["--forwarded", "127.0.0.1:1"], "takes LOCAL and REMOTE"),
    (["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"], "unexpected extra argument"),
]


@pytest.mark.parametrize(("words", "problem"), WRONG)
def test_the_exit_code_is_2_after_bad_usage(words: list[str], problem: str) -> None:
    done = run("reset", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert problem in done.stderr


@pytest.mark.privileged
@in_private_network
def test_a_missing_forwarded_connection_is_exit_code_1() -> None:
    done = run("reset", "--forwarded", "127.0.0.1:1", "127.0.0.1:2")
    assert (done.exit_code, "neither end knows of it" in done.stderr) == (1, True)


def test_doctor_names_every_technique_and_its_remedy() -> None:
    lines = run("doctor").stdout.splitlines()
    assert {line.split()[1] for line in lines} >= {
        f"{name}:" for name in ("abort", "rst", "destroy", "keepalive", "close", "scapy", "find")
    }
    assert {line.split()[0] for line in lines} <= {"yes", "no"}
    for line in lines:
        if line.startswith("no"):
            assert " - " in line  # the remedy


def test_version_prints_the_installed_version() -> None:
    done = run("--version")
    assert (done.exit_code, done.stdout) == (0, f"netsplode, version {version('hamms-trio')}\n")


def test_the_installed_command_runs() -> None:
    command = Path(sys.executable).with_name("netsplode")
    if not command.exists():
        pytest.skip("the project is not installed here")
    done = subprocess.run([command, "reset"], capture_output=True, text=True, timeout=SAFETY_NET)
    assert (done.returncode, "give LOCAL and REMOTE" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", ["list", "reset"])
def test_a_process_that_does_not_exist_is_bad_usage(command: str) -> None:
    nobody = str(2**22 + 1)  # beyond the highest process id
    done = run(command, "--pid", nobody)
    assert (done.exit_code, f"there is no process {nobody}" in done.stderr) == (2, True)


@pytest.mark.privileged
@in_private_network
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_an_ambiguous_address_is_bad_usage_and_resets_nothing(dry: list[str]) -> None:
    with connected() as ends, socket.create_connection(ends.listener.getsockname()) as other:
        done = run("reset", written(ends.listener), *dry)
        assert (done.exit_code, done.stdout) == (2, "")
        for candidate in (ends.client, other):
            assert written(candidate) in done.stderr
        assert_open(ends)
