"""Sockets of this process in another network namespace, whose addresses another connection may have here."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pytest

from netsplode import End, TechniqueUnavailable, reset_connection
from tests.netsplode.scenes import Ends, assert_open, assert_reset, on_linux

pytestmark = [on_linux, pytest.mark.privileged]


class Twins(NamedTuple):
    """Two connections with the same four-tuple: one here, and one in another network namespace."""

    here: Ends
    elsewhere: Ends


@contextmanager
def connected_at(port: int, client_port: int) -> Iterator[Ends]:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", port)))
        to, own = listener.getsockname(), ("127.0.0.1", client_port)
        client = stack.enter_context(socket.create_connection(to, source_address=own))
        yield Ends(client, stack.enter_context(listener.accept()[0]), listener)


@pytest.fixture
def twins(private_network: None) -> Iterator[Twins]:
    from tests.netsplode.inject.namespaces import Namespace  # which needs Linux

    other = Namespace()
    try:
        with ExitStack() as stack:
            here = stack.enter_context(connected_at(0, 0))
            ports = here.server.getsockname()[1], here.client.getsockname()[1]
            with other.entered():
                elsewhere = stack.enter_context(connected_at(*ports))
            yield Twins(here, elsewhere)
    finally:
        os.close(other.fd)


@pytest.mark.parametrize("technique", ["auto", "abort", "close"])
def test_a_socket_of_another_namespace_leaves_its_peer_unconfirmed(
    twins: Twins, technique: str
) -> None:
    result = reset_connection(twins.elsewhere.client, technique=technique)
    assert result.ends["remote"] is End.UNCONFIRMED
    assert_reset(twins.elsewhere.server)
    assert_open(twins.here)


@pytest.mark.parametrize("technique", ["rst", "destroy", "keepalive", "scapy"])
def test_techniques_by_address_spare_the_twin_in_this_namespace(
    twins: Twins, technique: str
) -> None:
    with pytest.raises(TechniqueUnavailable, match="another network namespace"):
        reset_connection(twins.elsewhere.client, technique=technique)
    assert_open(twins.elsewhere)
    assert_open(twins.here)


def test_verify_true_is_refused_before_the_reset(twins: Twins) -> None:
    with pytest.raises(TechniqueUnavailable, match="from a thread in that namespace"):
        reset_connection(twins.elsewhere.client, verify=True)
    assert_open(twins.elsewhere)
