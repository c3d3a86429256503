"""Link-local addresses, which may be the same on each link of a host."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from click.testing import CliRunner

from netsplode import AmbiguousConnection, ConnectionNotFound, find_connections, reset_connection
from netsplode.cli import main
from tests.netsplode.scenes import Ends, assert_open, assert_reset, on_linux

pytestmark = [on_linux, pytest.mark.privileged]

HOST, PORTS = "fe80::1", (7000, 7001)  # in a network that the test has made


@contextmanager
def connected_on(link: str) -> Iterator[Ends]:
    from tests.netsplode.inject.namespaces import ip  # which needs Linux

    far = f"{link}-far"  # a veth is up as soon as its other end is
    ip("link", "add", link, "type", "veth", "peer", "name", far)
    ip("addr", "add", f"{HOST}/64", "dev", link, "nodad")
    for name in (far, link):
        ip("link", "set", name, "up")
    server, client = ((HOST, port, 0, socket.if_nametoindex(link)) for port in PORTS)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(server, family=socket.AF_INET6))
        near = stack.enter_context(socket.socket(socket.AF_INET6))
        near.bind(client)
        near.connect(server)
        yield Ends(near, stack.enter_context(listener.accept()[0]), listener)


@pytest.fixture
def links(private_network: None) -> Iterator[tuple[Ends, Ends]]:
    with connected_on("first") as first, connected_on("second") as second:
        yield first, second


@pytest.mark.parametrize("taken", [0, 1])
@pytest.mark.parametrize("written", ["tuple", "text", "both"])
def test_the_named_link_decides_which_connection_is_reset(
    links: tuple[Ends, Ends], taken: int, written: str
) -> None:
    link, spared = ("first", "second")[taken], links[1 - taken]
    address = links[taken].client.getsockname()
    if written == "tuple":
        reset_connection(address)
    elif written == "text":
        reset_connection(f"[{HOST}%{link}]:{PORTS[1]}")
    else:
        reset_connection(address, links[taken].server.getsockname())
    assert_reset(links[taken].server)
    assert_open(spared)
    with pytest.raises(ConnectionNotFound):
        reset_connection(address)
    assert_open(spared)


def test_equal_link_local_addresses_are_ambiguous_without_a_link(links: tuple[Ends, Ends]) -> None:
    with pytest.raises(AmbiguousConnection):
        reset_connection((HOST, PORTS[1]), (HOST, PORTS[0]))
    for ends in links:
        assert_open(ends)


def test_connections_are_found_on_the_named_link(links: tuple[Ends, Ends]) -> None:
    assert len(find_connections((HOST, PORTS[1]))) == 2
    assert len(find_connections(f"[{HOST}%first]:{PORTS[1]}")) == 1
    with pytest.raises(ConnectionNotFound, match="no interface"):
        find_connections(f"[{HOST}%third]:{PORTS[1]}")


def test_the_command_resets_on_the_named_link(links: tuple[Ends, Ends]) -> None:
    done = CliRunner().invoke(main, ["reset", f"[{HOST}%second]:{PORTS[1]}"])
    assert done.exit_code == 0
    assert_open(links[0])
    assert_reset(links[1].client)
