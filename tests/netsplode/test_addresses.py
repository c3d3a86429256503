"""Resets by address, of connections of any process: the choice of the connection, and spared listeners."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from netsplode import (
    AmbiguousConnection,
    ConnectionNotFound,
    ResetTimeout,
    UnsupportedConnection,
    reset_connection,
)
from netsplode.kernel.diag import Diag
from tests.netsplode import alone
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

in_private_network = pytest.mark.usefixtures("private_network")
Address = tuple[str, int]


@pytest.mark.parametrize("turned", [False, True], ids=["as-it-sees-itself", "as-we-see-it"])
@pytest.mark.parametrize("technique", ["auto", "abort"])
def test_a_connection_of_another_process_is_reset_at_both_ends(
    technique: str, turned: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with connected_child(listener) as (server, outcome):
            pair = (server.getpeername(), server.getsockname())
            result = reset_connection(*(pair[::-1] if turned else pair), technique=technique)
            assert (result.technique, result.is_confirmed) == ("abort", True)
            assert_reset(server)
            assert outcome() in ("ConnectionResetError", "BrokenPipeError")
        assert_listens(listener)


def test_the_other_process_sees_our_end_reset_by_its_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with connected_child(listener) as (server, outcome):
            reset_connection(server.getsockname(), server.getpeername())
            assert outcome() == "ConnectionResetError"


def forms(ends: Ends) -> list[object]:
    """List the ways to write the address of the server's end."""
    host, port = ends.server.getsockname()
    return [(host, port), f"{host}:{port}", (None, port), f"*:{port}", ("localhost", port)]


@pytest.mark.privileged
@in_private_network
@pytest.mark.parametrize("form", range(5))
def test_one_address_suffices_if_only_one_connection_has_it(form: int) -> None:
    with connected() as ends:
        assert reset_connection(forms(ends)[form]).is_confirmed
        assert_reset(ends.client)
        assert_reset(ends.server)
        assert_listens(ends.listener)


@pytest.mark.privileged
@in_private_network
def test_several_matches_are_listed_and_none_is_reset() -> None:
    with connected() as ends:
        address = ends.listener.getsockname()
        with socket.create_connection(address) as another:
            with pytest.raises(AmbiguousConnection, match="give both ends") as raised:
                reset_connection(address)
            found = {frozenset((c.local, c.remote)) for c in raised.value.candidates}
            assert found == {
                frozenset((address, client.getsockname())) for client in (ends.client, another)
            }
            for candidate in raised.value.candidates:
                assert str(candidate.local[1]) in str(raised.value)
            assert_open(ends)
            reset_connection(address, ends.client.getsockname())
            assert_reset(ends.client)
            another.sendall(b"still there")


def survivors(technique: str, host: str) -> list[str]:
    """Reset one of two connections, twice, and list every listener or connection that did not survive."""
    wrong = []
    with connected(host) as ends, ExitStack() as stack:
        bystander = stack.enter_context(socket.create_connection(ends.listener.getsockname()[:2]))
        its_server = stack.enter_context(ends.listener.accept()[0])
        pair = ends.client.getsockname(), ends.server.getsockname()
        result = reset_connection(*pair, technique=technique)
        if result.technique != technique and technique != "auto":
            wrong.append(f"reset by {result.technique}")
        if not result.is_confirmed:
            wrong.append(str(result))
        try:
            reset_connection(*pair, technique=technique)
            wrong.append("reset twice")
        except ConnectionNotFound:
            pass
        bystander.sendall(b"x")
        if its_server.recv(1) != b"x":
            wrong.append("the bystander is lost")
        assert_listens(ends.listener)
    return wrong


@pytest.mark.privileged
@in_private_network
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("technique", ["auto", "abort", "destroy", "rst"])
def test_the_listener_and_other_connections_survive(technique: str, host: str) -> None:
    assert survivors(technique, host) == []


@pytest.mark.privileged
@pytest.mark.parametrize("technique", ["keepalive", "scapy"])
def test_the_listener_and_other_connections_survive_slow_techniques(technique: str) -> None:
    try:  # in a process of its own, because scapy caches the interfaces of the network
        assert alone.call(survivors, technique, "127.0.0.1", network=True) == []
    except alone.Refused as refused:
        pytest.skip(str(refused))


@pytest.mark.privileged
@in_private_network
@pytest.mark.parametrize("technique", ["auto", "abort", "destroy", "rst", "keepalive"])
def test_a_listener_without_connections_is_not_found_and_survives(technique: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        for remote in (None, ("127.0.0.1", 1), ("127.0.0.1", None), address):
            with pytest.raises(ConnectionNotFound, match=str(address[1])):
                reset_connection(address, remote, technique=technique)
        with Diag() as diag:  # the kernel itself would return the listener
            assert diag.get(address, ("127.0.0.1", 1)) is None
        assert_listens(listener)


def test_close_is_refused_for_addresses(ends: Ends) -> None:
    with pytest.raises(OSError, match="another process holds the connection"):
        reset_connection(ends.client.getsockname(), ends.server.getsockname(), technique="close")
    assert_open(ends)


@contextmanager
def dual_stack() -> Iterator[Ends]:
    """Connect an IPv4 client to a server that listens with an IPv6 socket."""
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener,
        socket.create_connection(("127.0.0.1", listener.getsockname()[1])) as client,
    ):
        server = listener.accept()[0]
        for sock in (client, server):
            sock.settimeout(SAFETY_NET)
        with server:
            yield Ends(client, server, listener)


@pytest.mark.privileged
@in_private_network
@pytest.mark.parametrize("technique", ["abort", "destroy", "rst"])
@pytest.mark.parametrize("turned", [False, True], ids=["client", "server"])
@pytest.mark.parametrize("written", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_an_ipv4_address_matches_its_mapped_form(
    written: str, turned: bool, technique: str
) -> None:
    with dual_stack() as ends:
        ports = [sock.getsockname()[1] for sock in (ends.client, ends.server)]
        pair = [(written, port) for port in (ports[::-1] if turned else ports)]
        result = reset_connection(*pair, technique=technique)
        assert {result.local, result.remote} == {("127.0.0.1", port) for port in ports}
        for sock in (ends.client, ends.server):
            with pytest.raises((ConnectionResetError, ConnectionAbortedError)):
                sock.recv(1)


@pytest.mark.parametrize("form", ["{}", "[{}]:{}"])
def test_an_ipv6_address_is_written_in_brackets(form: str) -> None:
    with connected("::1") as (client, server, _):
        there = server.getsockname()
        remote = form.format(*there[:2]) if "]" in form else there  # getsockname returns four items
        result = reset_connection(client.getsockname(), remote)
        assert result.is_confirmed
        assert_reset(client)


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:", "::1:80", "127.0.0.1:port", "", ":"])
def test_the_error_for_a_malformed_address_shows_a_correct_one(name: str) -> None:
    with pytest.raises(UnsupportedConnection, match="is no address"):
        reset_connection(name)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_an_impossible_port_is_refused(port: int) -> None:
    with pytest.raises(UnsupportedConnection, match="no port between 1 and 65535"):
        reset_connection(("127.0.0.1", port))


def test_a_remote_address_beside_an_object_is_refused(ends: Ends) -> None:
    with pytest.raises(TypeError, match="goes with an address"):
        reset_connection(ends.client, ends.server.getsockname())
    assert_open(ends)


def test_udp_and_unix_sockets_are_not_found_by_address() -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as one,
        socket.socket(type=socket.SOCK_DGRAM) as other,
    ):
        for sock in (one, other):
            sock.bind(("127.0.0.1", 0))
        one.connect(other.getsockname())
        with pytest.raises(ConnectionNotFound):
            reset_connection(one.getsockname(), other.getsockname())


@pytest.mark.privileged
@in_private_network
def test_a_forwarded_connection_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(ConnectionNotFound, match="neither end knows of it"):
        reset_connection(("127.0.0.1", 1), ("127.0.0.1", 2), forwarded=True)


@pytest.mark.privileged
@in_private_network
def test_silent_ends_do_not_count_as_a_missing_connection() -> None:
    subprocess.run(["ip", "route", "add", "192.0.2.0/24", "dev", "lo"], check=True)
    with pytest.raises(ResetTimeout) as raised:
        reset_connection(("192.0.2.1", 1), ("192.0.2.2", 2), forwarded=True, timeout=0.05)
    assert raised.value.result is not None
    assert set(raised.value.result.ends.values()) == {"unconfirmed"}


def test_a_forwarded_connection_needs_both_addresses() -> None:
    with pytest.raises(ConnectionNotFound):
        reset_connection(("192.0.2.1", 80), forwarded=True)
    with pytest.raises(UnsupportedConnection, match="does not name one end"):
        reset_connection(("192.0.2.1", 80), ("192.0.2.2", None), forwarded=True)
