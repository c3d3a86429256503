"""Targets that can't be reset: the error names the reason and the remedy, and the target stays as it was."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from math import inf, nan
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from netsplode import NetsplodeError, UnsupportedConnection, reset_connection
from tests.netsplode.scenes import Ends, assert_open

TECHNIQUES = ["auto", "abort", "rst", "destroy", "keepalive", "close", "scapy"]


def closed() -> socket.socket:
    sock = socket.socket()
    sock.close()
    return sock


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def connected_udp() -> socket.socket:
    sock = udp()
    sock.connect(("127.0.0.1", 9))
    return sock


def unix() -> socket.socket:
    return socket.socket(socket.AF_UNIX)


def connected_unix() -> socket.socket:
    one, other = socket.socketpair()
    other.close()
    return one


needs_unix = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="this platform has no unix sockets"
)
SOCKETS = [
    pytest.param(closed, "the socket is closed already", id="closed"),
    pytest.param(listening, "reset one of its accepted connections", id="listening"),
    pytest.param(udp, "only TCP has a reset", id="udp"),
    pytest.param(connected_udp, "only TCP has a reset", id="connected-udp"),
    pytest.param(unix, "only TCP has a reset", id="unix", marks=needs_unix),
    pytest.param(connected_unix, "only TCP has a reset", id="connected-unix", marks=needs_unix),
]


@pytest.mark.parametrize("technique", TECHNIQUES)
@pytest.mark.parametrize(("make", "message"), SOCKETS)
def test_an_unsupported_socket_is_refused_and_stays_open(
    make: Callable[[], socket.socket], message: str, technique: str
) -> None:
    with closing(make()) as sock:
        before = sock.fileno()
        for target in (sock, before):
            if target == -1:
                continue
            with pytest.raises(UnsupportedConnection, match=message):
                reset_connection(target, technique=technique)
        assert sock.fileno() == before


def test_a_refused_listener_still_listens() -> None:
    with listening() as listener:
        for technique in TECHNIQUES:
            with pytest.raises(UnsupportedConnection):
                reset_connection(listener, technique=technique)
        with socket.create_connection(listener.getsockname()):
            listener.accept()[0].close()


@pytest.mark.parametrize(
    ("target", "named"),
    [
        (object(), "builtins.object"),
        (None, "NoneType"),
        (True, "builtins.bool"),
        (1.5, "builtins.float"),
        (b"127.0.0.1:80", "builtins.bytes"),
        (("127.0.0.1", "80"), "builtins.tuple"),
        ({}, "builtins.dict"),
        (socket.socket, "builtins.type"),
        (Path(), "Path"),
    ],
)
def test_the_error_names_an_object_without_a_connection(target: object, named: str) -> None:
    with pytest.raises(UnsupportedConnection) as raised:
        reset_connection(target)
    message = str(raised.value)
    assert named in message
    for offered in ("a socket", "a descriptor", "a stream", "a response", "127.0.0.1:5432"):
        assert offered in message
    assert isinstance(raised.value, TypeError)
    assert isinstance(raised.value, NetsplodeError)


def test_an_object_that_wraps_itself_is_refused() -> None:
    class Cycle:
        @property
        def sock(self) -> Cycle:
            return self

    with pytest.raises(UnsupportedConnection, match="Cycle holds no TCP connection"):
        reset_connection(Cycle())


def test_a_mock_is_refused_without_an_endless_search() -> None:
    with pytest.raises(UnsupportedConnection, match="Mock holds no TCP connection"):
        reset_connection(Mock(spec_set=["sock", "raw", "fp", "transport", "connection"]))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Any]:
    with (tmp_path / "file").open("w") as file:
        yield file


def test_a_file_on_disk_is_refused(file: Any) -> None:
    with pytest.raises(UnsupportedConnection, match="holds no TCP connection"):
        reset_connection(file)
    with pytest.raises(UnsupportedConnection, match="is no socket"):
        reset_connection(file.fileno())
    os.fstat(file.fileno())


@pytest.mark.parametrize("descriptor", [-1, 1_000_000])
def test_a_closed_descriptor_is_refused(descriptor: int) -> None:
    with pytest.raises(UnsupportedConnection, match=r"closed already|no open socket"):
        reset_connection(descriptor)


@pytest.mark.parametrize("technique", ["", "auto,abort", "ABORT", [], ["abort", "nuke"]])
def test_the_error_for_an_unknown_technique_lists_the_known_ones(
    ends: Ends, technique: Any
) -> None:
    with pytest.raises(ValueError, match="is no technique: auto, abort, rst, destroy"):
        reset_connection(ends.client, technique=technique)
    assert_open(ends)


@pytest.mark.parametrize(
    "wrong", [{"timeout": -1.0}, {"delay": -0.1}, {"timeout": nan}, {"delay": inf}]
)
def test_impossible_numbers_of_seconds_are_refused(ends: Ends, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="have to be seconds, 0 or more"):
        reset_connection(ends.client, **wrong)  # type: ignore[call-overload]
    assert_open(ends)


@pytest.mark.parametrize("verify", ["yes", None, 1])
def test_other_values_of_verify_are_refused(ends: Ends, verify: Any) -> None:
    with pytest.raises(ValueError, match='has to be "auto", True or False'):
        reset_connection(ends.client, verify=verify)
    assert_open(ends)


def test_the_error_for_a_textual_port_shows_a_correct_address() -> None:
    with pytest.raises(UnsupportedConnection, match=r"\('127.0.0.1', 5432\)"):
        reset_connection(("127.0.0.1", "5432"))


def test_an_impossible_descriptor_is_refused() -> None:
    for number in (2**40, -1):
        with pytest.raises(UnsupportedConnection):
            reset_connection(number)


def test_a_negative_fallback_time_is_refused() -> None:
    with socket.socket() as sock, pytest.raises(ValueError, match="give 0 seconds or more"):
        reset_connection(sock, fallback_to_abortive_close_after=-1.0)
