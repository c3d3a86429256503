"""`find_connections`: the connections of this network namespace, with a process that holds each."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from netsplode import (
    ConnectionNotFound,
    UnsupportedConnection,
    find_connections,
    reset_connection,
)
from tests.netsplode.scenes import Ends, connected, connected_child, on_linux

pytestmark = on_linux


def test_both_ends_are_found_with_their_process(ends: Ends) -> None:
    pair = ends.client.getsockname(), ends.server.getsockname()
    for here, there in (pair, pair[::-1]):
        (found,) = find_connections(here, there)
        assert (found.local, found.remote) == (here, there)
        assert (found.pid, found.uid, found.state) == (os.getpid(), os.getuid(), "established")
        assert found.command
        assert f"process {os.getpid()}" in str(found)


def test_listeners_are_not_listed(ends: Ends) -> None:
    port = ends.listener.getsockname()[1]
    assert {c.remote[1] for c in find_connections(port, state=None)} == {
        ends.client.getsockname()[1]
    }


WAYS: list[Any] = ["host:port", "(host, port)", "(None, port)", "port", "*:port"]


@pytest.mark.parametrize("way", WAYS)
def test_an_address_may_be_written_in_many_ways(ends: Ends, way: str) -> None:
    host, port = ends.server.getsockname()
    address = {
        "host:port": f"{host}:{port}",
        "(host, port)": (host, port),
        "(None, port)": (None, port),
        "port": port,
        "*:port": f"*:{port}",
    }[way]
    assert [c.remote for c in find_connections(local=address)] == [ends.client.getsockname()]
    assert [c.local for c in find_connections(remote=address)] == [ends.client.getsockname()]


def test_ipv6_is_found_without_its_scope() -> None:
    with connected("::1") as ends:
        host, port, *_ = ends.client.getsockname()
        (found,) = find_connections(f"[{host}]:{port}")
        assert found.local == (host, port)


def test_connections_are_found_by_the_id_of_another_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with connected_child(listener) as (server, outcome):
            (found,) = find_connections(remote=listener.getsockname())
            assert found.pid not in (None, os.getpid())
            assert find_connections(pid=found.pid) == [found]
            assert found not in find_connections(pid=os.getpid())
            server.close()
            assert outcome() == "end"


def test_connections_are_found_by_state(ends: Ends) -> None:
    address = ends.server.getsockname()
    ends.client.shutdown(socket.SHUT_WR)
    assert find_connections(address) == []
    for state in ("close_wait", "close-wait", "CLOSE_WAIT", None):
        (found,) = find_connections(address, state=state)
        assert found.state == "close_wait"


def test_the_error_for_an_unknown_state_lists_the_states() -> None:
    with pytest.raises(
        ValueError, match=r"'open' is no state of TCP; the states are established, syn_sent"
    ):
        find_connections(state="open")


@pytest.mark.parametrize("address", ["127.0.0.1", (1, 2), 1.5, ("127.0.0.1", 70000)])
def test_a_malformed_address_is_refused(address: Any) -> None:
    with pytest.raises(UnsupportedConnection):
        find_connections(address)


@pytest.mark.parametrize("host", ["a" * 64, "a..b"])  # neither needs a resolver
def test_an_impossible_host_name_is_not_found(host: str) -> None:
    with pytest.raises(ConnectionNotFound, match="no address of any host"):
        find_connections((host, 80))


def test_an_unknown_process_id_is_not_found() -> None:
    with pytest.raises(ConnectionNotFound, match="there is no process"):
        find_connections(pid=2**22 + 1)


def test_a_found_connection_can_be_reset(ends: Ends) -> None:
    (found,) = find_connections(ends.client.getsockname())
    assert reset_connection(found).is_confirmed
    with pytest.raises(ConnectionNotFound):
        reset_connection(found)


def test_the_error_names_the_unknown_state() -> None:
    with pytest.raises(ValueError, match="is no state of TCP; the states are established"):
        find_connections(state=5)  # type: ignore[arg-type] # what callers without types may do
