"""Resets by a process without privileges, the errors for what it may not do, and `unshare -rn`."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - what is imported only when it is used, nobody may not be able to read
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from tests.netsplode import alone
from tests.netsplode.scenes import (
    SAFETY_NET,
    Ends,
    assert_listens,
    assert_open,
    connected,
    on_linux,
    sight_of,
)

pytestmark = [on_linux, pytest.mark.privileged]


def as_nobody(scene: Callable[..., Any], *arguments: object, network: bool = False) -> Any:
    try:
        return alone.call(scene, *arguments, nobody=True, network=network)
    except alone.Refused as refused:
        pytest.skip(str(refused))


def test_the_process_of_nobody_has_no_privilege() -> None:
    assert as_nobody(identity) == [65534, 65534, [], 0]


def identity() -> list[object]:
    from netsplode.kernel.processes import effective_capabilities

    return [os.geteuid(), os.getegid(), os.getgroups(), effective_capabilities()]


def of_its_own() -> dict[str, Any]:
    """Reset connections of nobody's own process by every technique, and return the outcomes."""
    import netsplode

    found: dict[str, Any] = {}
    for technique in ("auto", "abort", "close"):
        with connected() as (ours, peer, listener):
            result = netsplode.reset_connection(ours, technique=technique)
            found[technique] = [result.technique, result.is_confirmed, sight_of(peer).name]
            assert_listens(listener)
    with connected() as ends:
        pair = ends.client.getsockname(), ends.server.getsockname()
        (listed,) = netsplode.find_connections(*pair)
        found["find"] = listed.pid == os.getpid()
        found["by address"] = netsplode.reset_connection(*pair).technique
    with netsplode.create_netsploder() as netsploder, connected() as ends:
        found["netsploder"] = len(netsploder.reset_client_tcp_connections())
        found["peer"] = sight_of(ends.server).name
    return found


def test_nobody_can_reset_its_own_connections() -> None:
    assert as_nobody(of_its_own) == {
        "auto": ["abort", True, "RESET"],
        "abort": ["abort", True, "RESET"],
        "close": ["close", True, "RESET"],
        "find": True,
        "by address": "abort",
        "netsploder": 1,
        "peer": "RESET",
    }


def of_a_fellow_process() -> dict[str, Any]:
    """Reset the connection of another process of nobody."""
    import netsplode

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SAFETY_NET)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                with socket.create_connection(listener.getsockname(), SAFETY_NET) as sock:
                    os.write(writing, b"!")
                    os.write(writing, sight_of(sock).name.encode())
            finally:
                os._exit(0)
        os.close(writing)
        with listener.accept()[0] as server:
            server.settimeout(SAFETY_NET)
            assert os.read(reading, 1) == b"!"  # the child has connected
            (theirs,) = netsplode.find_connections(remote=server.getsockname())
            result = netsplode.reset_connection(theirs.local, theirs.remote)
            seen = sight_of(server).name, os.read(reading, 64).decode()
        os.close(reading)
        os.waitpid(child, 0)
        return {
            "found": theirs.pid == child,
            "technique": result.technique,
            "local": result.local == theirs.local,
            "seen": seen,
        }


def test_nobody_can_reset_connections_of_its_other_processes() -> None:
    assert as_nobody(of_a_fellow_process) == {
        "found": True,
        "technique": "abort",
        "local": True,
        "seen": ["RESET", "RESET"],
    }


def refusals(host: str, port: int, remote_port: int) -> dict[str, Any]:
    """Return the errors for a connection of another user."""
    import netsplode

    pair = (host, port), (host, remote_port)
    found: dict[str, Any] = {}
    for technique in ("abort", "destroy", "rst", "keepalive", "scapy"):
        try:
            netsplode.reset_connection(*pair, technique=technique)
        except netsplode.MissingCapability as error:
            found[technique] = [sorted(error.missing), error.hint, str(error)]
    try:
        netsplode.reset_connection(*pair)
    except netsplode.TechniqueUnavailable as error:
        found["auto"] = sorted(error.missing)
        found["attempts"] = {attempt.technique: attempt.outcome for attempt in error.attempts}
    return found


NEEDED = {
    "abort": "CAP_SYS_PTRACE",
    "destroy": "CAP_NET_ADMIN",
    "rst": "CAP_NET_RAW",
    "keepalive": "CAP_SYS_PTRACE",
    "scapy": "CAP_NET_RAW",
}


def test_the_errors_for_other_users_connections_name_the_capability(ends: Ends) -> None:
    host, port = ends.client.getsockname()
    errors = as_nobody(refusals, host, port, ends.server.getsockname()[1])
    for technique, capability in NEEDED.items():
        missing, hint, message = errors[technique]
        assert missing == [capability]
        assert "root" in hint
        assert hint in message
    assert set(errors["auto"]) == set(NEEDED.values())
    assert list(errors["attempts"]) == ["abort", "destroy", "rst", "keepalive"]
    assert all(errors["attempts"].values())
    assert_open(ends)


def injections_into_ones_own() -> dict[str, Any]:
    import netsplode

    found: dict[str, Any] = {}
    for technique in ("rst", "destroy", "keepalive", "scapy"):
        with connected() as ends:
            try:
                netsplode.reset_connection(ends.client, technique=technique)
            except netsplode.MissingCapability as error:
                found[technique] = sorted(error.missing)
            assert_open(ends)
    with connected() as ends:
        try:  # abort needs no privilege, even if the other end must be seen
            found["verify"] = netsplode.reset_connection(ends.client, verify=True).is_confirmed
        except netsplode.MissingCapability as error:
            found["verify"] = sorted(error.missing)
    return found


def test_a_forbidden_technique_is_not_replaced_by_another() -> None:
    assert as_nobody(injections_into_ones_own) == {
        "rst": ["CAP_NET_RAW"],
        "destroy": ["CAP_NET_ADMIN"],
        "keepalive": ["CAP_NET_RAW"],
        "scapy": ["CAP_NET_RAW"],
        "verify": True,
    }


def list_capabilities() -> list[Any]:
    import netsplode

    return [
        [capability.name, capability.ok, sorted(capability.missing), capability.hint]
        for capability in netsplode.capabilities()
    ]


def test_capabilities_agree_with_the_errors() -> None:
    ok = {
        name: (is_ok, missing, hint) for name, is_ok, missing, hint in as_nobody(list_capabilities)
    }
    assert {name for name, (is_ok, _, _) in ok.items() if is_ok} == {
        "abort: connections of this process",
        "abort: connections of this user's other processes",
        "close: connections of this process",
        "find: connections that end here",
    }
    for is_ok, missing, hint in ok.values():
        assert is_ok or (missing and missing[0] in hint)


def command(*words: str) -> list[Any]:
    from netsplode.cli import main

    done = CliRunner().invoke(main, words)
    return [done.exit_code, done.stdout, done.stderr]


def test_the_command_names_the_remedy_in_one_line(ends: Ends) -> None:
    pair = [f"127.0.0.1:{sock.getsockname()[1]}" for sock in (ends.client, ends.server)]
    for technique in ("destroy", "auto"):
        code, out, err = as_nobody(command, "reset", *pair, "--technique", technique)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert "CAP_NET_ADMIN" in err
        assert "root" in err
    assert_open(ends)


def reset_what_is_over() -> list[Any]:
    with connected() as (client, server, _):
        port = str(client.getsockname()[1])
        client.close()
        assert server.recv(1) == b""
        server.close()
        while "last_ack" in command("list", "--port", port)[1].lower():
            pass  # the server's end is there until the client's last ACK has come
        return command("reset", "--port", port)


def test_a_connection_in_time_wait_is_no_failure_without_privileges() -> None:
    code, out, err = as_nobody(reset_what_is_over)
    assert (code, err) == (0, "")
    assert "TIME-WAIT passes by itself" in out


def everything() -> dict[str, Any]:
    """Use every technique in a network of nobody's own, as root of its own user namespace."""
    import netsplode

    found: dict[str, Any] = {}
    for technique in ("abort", "rst", "destroy", "close"):
        with connected() as (ours, peer, listener):
            result = netsplode.reset_connection(ours, technique=technique)
            found[technique] = [result.technique, result.is_confirmed, sight_of(peer).name]
            assert_listens(listener)
    found["not ok"] = [c.name for c in netsplode.capabilities() if not c.ok]
    return found


def test_nobody_can_use_every_technique_in_its_own_network() -> None:
    assert as_nobody(everything, network=True) == {
        technique: [technique, True, "RESET"] for technique in ("abort", "rst", "destroy", "close")
    } | {"not ok": []}


def command_for(pid: int) -> list[Any]:
    return command("reset", "--pid", str(pid))


def test_pid_of_another_user_is_refused_with_the_reason() -> None:
    code, out, err = as_nobody(command_for, os.getpid())
    assert (code, out) == (2, "")
    assert "CAP_SYS_PTRACE" in err


def list_without_a_network() -> list[Any]:
    """Return the errors of root of a user namespace, in the network of the host."""
    alone.enter_a_user_namespace()
    return list_capabilities()


def test_root_of_a_user_namespace_lacks_network_capabilities() -> None:
    needing = {
        name: missing for name, is_ok, missing, _ in as_nobody(list_without_a_network) if not is_ok
    }
    assert needing == {
        "rst: any connection that passes here": ["CAP_NET_RAW"],
        "keepalive: connections that abort may reach": ["CAP_NET_RAW"],
        "destroy: connections that end here": ["CAP_NET_ADMIN"],
        "scapy: any connection that passes here": ["CAP_NET_RAW"],
    }
