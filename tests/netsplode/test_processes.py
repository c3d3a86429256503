"""The search for the process that holds a socket, which begins where the holder is likely."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from netsplode import find_connections
from netsplode.kernel.cgroups import ROOT, members
from netsplode.kernel.diag import Entry
from netsplode.kernel.processes import holders_of
from tests.netsplode.scenes import Ends, connected_child, on_linux

pytestmark = on_linux


def entry_of(sock: socket.socket) -> Entry:
    (found,) = find_connections(sock.getsockname(), sock.getpeername())
    assert found.entry is not None
    return found.entry


def entry_of_peer(sock: socket.socket) -> Entry:
    (found,) = find_connections(sock.getpeername(), sock.getsockname())
    assert found.entry is not None
    return found.entry


def test_every_descriptor_of_a_socket_is_found(ends: Ends) -> None:
    with ends.client.dup() as other:
        held = {(os.getpid(), sock.fileno()) for sock in (ends.client, other)}
        assert set(holders_of(entry_of(ends.client))) == held


def test_a_socket_that_is_only_a_standard_stream_is_found(ends: Ends) -> None:
    entry = entry_of(ends.client)
    ends.client.settimeout(None)
    with subprocess.Popen(["cat"], stdin=ends.client.fileno()) as child:
        ends.client.close()
        assert list(holders_of(entry)) == [(child.pid, 0)]
        ends.server.close()  # ends cat


def test_the_last_holder_is_searched_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with connected_child(listener) as (server, _):
            entry = entry_of_peer(server)
            ((pid, _),) = holders_of(entry)
            searched: list[str] = []
            search = os.open

            def note(path: str, *arguments: int) -> int:
                searched.append(path)
                return search(path, *arguments)

            monkeypatch.setattr(os, "open", note)
            assert next(holders_of(entry))[0] == pid
            monkeypatch.undo()
            assert [path for path in searched if path.startswith("/proc/")] == [f"/proc/{pid}/fd"]


def test_a_listed_holder_is_searched_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with connected_child(listener) as (server, _), connected_child(listener) as (_, _):
            (found,) = find_connections(server.getpeername(), server.getsockname())
            assert found.entry is not None
            searched: list[str] = []
            search = os.open

            def note(path: str, *arguments: int) -> int:
                searched.append(path)
                return search(path, *arguments)

            monkeypatch.setattr(os, "open", note)
            assert next(holders_of(found.entry, found.pid))[0] == found.pid
            monkeypatch.undo()
            first = next(path for path in searched if path.startswith("/proc/"))
            assert first == f"/proc/{found.pid}/fd"


def test_the_kernel_names_the_control_group_of_a_socket(ends: Ends) -> None:
    path = Path("/proc/self/cgroup").read_text().rpartition("0::")[2].split("\n")[0]
    for mount in "/sys/fs/cgroup", "/sys/fs/cgroup/unified":
        group = Path(mount + path)
        if (group / "cgroup.procs").exists():
            assert entry_of(ends.client).cgroup == group.stat().st_ino
            return
    pytest.skip("no control groups of version 2 are mounted here")


def test_the_root_group_is_no_hint() -> None:
    assert members(ROOT) == members(0) == []
