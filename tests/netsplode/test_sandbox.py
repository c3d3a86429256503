"""Resets in a sandbox without netlink, such as systemd's RestrictAddressFamilies=AF_INET AF_INET6."""

from __future__ import annotations

import ctypes
import platform
import struct
from typing import Any

import pytest

from tests.netsplode import alone
from tests.netsplode.scenes import connected, on_linux, sight_of

pytestmark = [
    on_linux,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is for its system calls"),
]

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2  # linux/prctl.h
_SOCKET, _AF_NETLINK, _EAFNOSUPPORT = 41, 16, 97
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000  # linux/seccomp.h
_LOAD, _UNLESS_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h


def _refuse_netlink() -> None:
    steps = [
        (_LOAD, 0, 0, 0),  # the system call's number
        (_UNLESS_EQUAL, 0, 3, _SOCKET),
        (_LOAD, 0, 0, 16),  # its first argument
        (_UNLESS_EQUAL, 0, 1, _AF_NETLINK),
        (_RETURN, 0, 0, _ERROR | _EAFNOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    ]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    filtering = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(program))
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.create_string_buffer(filtering), 0, 0):
        raise alone.Refused("no seccomp")


def resets() -> dict[str, Any]:
    _refuse_netlink()
    import netsplode

    found: dict[str, Any] = {}
    for technique in ("auto", "close"):
        with connected() as (ours, peer, _):
            result = netsplode.reset_connection(ours, technique=technique)
            found[technique] = [result.ends["remote"], sight_of(peer).name]
    with netsplode.create_netsploder() as netsploder, connected() as (_, peer, _):
        netsploder.reset_client_tcp_connections()
        found["netsploder"] = sight_of(peer).name
    return found


def test_own_connections_are_reset_without_netlink() -> None:
    try:
        found = alone.call(resets, nobody=True)
    except alone.Refused as refused:
        pytest.skip(str(refused))
    assert found == {
        "auto": ["unconfirmed", "RESET"],
        "close": ["unconfirmed", "RESET"],
        "netsploder": "RESET",
    }


def looked_for() -> list[Any]:
    _refuse_netlink()
    from click.testing import CliRunner

    import netsplode
    from netsplode.cli import main

    found: list[Any] = []
    for look in (netsplode.find_connections, lambda: netsplode.reset_connection("127.0.0.1:9")):
        try:
            look()
        except netsplode.TechniqueUnavailable as error:
            found.append("give the object that holds the connection" in str(error))
    done = CliRunner().invoke(main, ["list"])
    return [*found, done.exit_code, "give the object" in done.output]


def test_the_error_without_netlink_names_the_remedy() -> None:
    try:
        assert alone.call(looked_for) == [True, True, 2, True]
    except alone.Refused as refused:
        pytest.skip(str(refused))
