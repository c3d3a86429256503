"""`netsplode reset` on every state of a connection that `netsplode list` shows, by every way to name it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from netsplode import find_connections, reset_connection
from netsplode.cli import main
from netsplode.order import Order
from netsplode.resetting import begin, run
from netsplode.result import Address, format_address
from netsplode.targets import target_of_connection
from tests.netsplode.scenes import (
    SAFETY_NET,
    Sight,
    assert_reset,
    connected,
    on_linux,
    sight_of,
    still_connecting,
)

pytestmark = [on_linux, pytest.mark.privileged, pytest.mark.usefixtures("private_network")]


class Pair(NamedTuple):
    """The addresses of both ends of a connection, and the sockets that are still open."""

    client: Address
    server: Address
    held: tuple[socket.socket, ...] = ()


Maker = Callable[[ExitStack], Pair]
HOSTS = ["127.0.0.1", "::1", "::ffff:127.0.0.1"]


def address(sock: socket.socket) -> Address:
    host, port = sock.getsockname()[:2]
    return host.removeprefix("::ffff:"), port


def established(stack: ExitStack, host: str = "127.0.0.1") -> Pair:
    ends = stack.enter_context(connected(host))
    return Pair(address(ends.client), address(ends.server), (ends.client, ends.server))


def half_closed(stack: ExitStack) -> Pair:
    pair = established(stack)
    pair.held[0].shutdown(socket.SHUT_WR)
    acknowledge_end(pair.held[1])
    return pair


def acknowledge_end(sock: socket.socket) -> None:
    """Read the FIN, and send the ACK that may be delayed."""
    assert sock.recv(1) == b""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def half_closed_behind_unread_octets(stack: ExitStack) -> Pair:
    pair = established(stack)
    fill(pair.held[0])
    pair.held[0].shutdown(socket.SHUT_WR)
    return pair


def closed_behind_unread_octets(stack: ExitStack) -> Pair:
    pair = half_closed(stack)
    fill(pair.held[1])
    pair.held[1].shutdown(socket.SHUT_WR)
    return pair


def orphaned(stack: ExitStack, host: str = "127.0.0.1") -> Pair:
    pair = established(stack, host)
    pair.held[0].close()
    acknowledge_end(pair.held[1])
    return pair._replace(held=pair.held[1:])


def over(stack: ExitStack) -> Pair:
    pair = orphaned(stack)
    pair.held[0].close()
    return pair._replace(held=())


def connecting(stack: ExitStack) -> Pair:
    sock, to = stack.enter_context(still_connecting())
    return Pair(address(sock), to, (sock,))


def not_accepted(stack: ExitStack) -> Pair:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    client = stack.enter_context(socket.create_connection(listener.getsockname()))
    client.settimeout(SAFETY_NET)
    return Pair(address(client), listener.getsockname(), (client,))


def half_open(stack: ExitStack) -> Pair:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
    client = stack.enter_context(socket.create_connection(listener.getsockname()))
    client.settimeout(SAFETY_NET)
    return Pair(listener.getsockname(), address(client), (client,))


def fill(sock: socket.socket) -> None:
    """Send until the peer, which reads nothing, has no room left."""
    sock.setblocking(False)
    try:
        while True:
            sock.send(bytes(1 << 16))
    except BlockingIOError:
        sock.settimeout(SAFETY_NET)


MAKERS: dict[Maker, set[str]] = {
    established: {"established"},
    half_open: {"syn_received", "established"},
    half_closed: {"fin_wait_2", "close_wait"},
    half_closed_behind_unread_octets: {"fin_wait_1", "established"},
    closed_behind_unread_octets: {"fin_wait_2", "last_ack"},
    orphaned: {"fin_wait_2", "close_wait"},
    over: {"time_wait"},
    connecting: {"syn_sent"},
    not_accepted: {"established"},
}
MADE = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)


def states_of(pair: Pair) -> set[str]:
    found = find_connections(state=None)
    ends = {pair.client, pair.server}
    return {each.state for each in found if {each.local, each.remote} == ends}


def by_both_ends(pair: Pair) -> list[str]:
    return [format_address(pair.client), format_address(pair.server)]


def by_both_ends_in_the_other_order(pair: Pair) -> list[str]:
    return [format_address(pair.server), format_address(pair.client)]


def by_one_end(pair: Pair) -> list[str]:
    return [format_address(pair.client)]


def by_port(pair: Pair) -> list[str]:
    return ["--port", str(pair.client[1])]


def by_process(pair: Pair) -> list[str]:
    return ["--pid", str(os.getpid()), "--port", str(pair.client[1])]


WAYS = [by_both_ends, by_both_ends_in_the_other_order, by_one_end, by_port, by_process]


@MADE
@pytest.mark.parametrize("way", WAYS)
def test_reset_accepts_every_state_that_list_shows(
    make: Maker, way: Callable[[Pair], list[str]]
) -> None:
    with ExitStack() as stack:
        pair = make(stack)
        assert states_of(pair) == MAKERS[make]
        done = CliRunner().invoke(main, ["reset", *way(pair)])
        if way is by_process and not pair.held:
            assert (done.exit_code, done.stderr) == (1, "no connection matches\n")
            return
        assert done.exit_code == 0, done.output
        assert states_of(pair) == set()


@MADE
def test_a_dry_run_names_a_connection_in_any_state(make: Maker) -> None:
    with ExitStack() as stack:
        pair = make(stack)
        done = CliRunner().invoke(main, ["reset", "--dry-run", "--json", *by_port(pair)])
        (row,) = json.loads(done.stdout)
        assert {row["local"], row["remote"]} == set(by_both_ends(pair))
        assert states_of(pair) == MAKERS[make]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("named", ["orphan first", "held end first", "orphan", "held end"])
def test_the_held_end_of_an_orphan_is_reset_whichever_is_named(host: str, named: str) -> None:
    with ExitStack() as stack:
        pair = orphaned(stack, host)
        ends = {
            "orphan first": [pair.client, pair.server],
            "held end first": [pair.server, pair.client],
            "orphan": [pair.client],
            "held end": [pair.server],
        }[named]
        result = reset_connection(*ends)
        assert (result.technique, result.is_confirmed) == ("abort", True)
        assert_reset(pair.held[0])
        assert states_of(pair) == set()


@pytest.mark.parametrize("make", [orphaned, half_open])
def test_a_found_orphan_leads_to_its_held_end(make: Maker) -> None:
    with ExitStack() as stack:
        pair = make(stack)
        (orphan,) = find_connections(pair.client, pair.server, state=None)
        assert orphan.pid is None
        assert reset_connection(orphan).is_confirmed
        assert_reset(pair.held[0])
        assert states_of(pair) == set()


@pytest.mark.parametrize("host", HOSTS)
def test_an_orphan_without_a_held_end_here_sends_its_peer_a_reset(host: str) -> None:
    with ExitStack() as stack:
        pair = orphaned(stack, host)
        (orphan,) = find_connections(pair.client, pair.server, state=None)
        result = run(begin(Order(target_of_connection(orphan))))
        assert (result.technique, result.is_confirmed) == ("rst", True)
        assert sight_of(pair.held[0]) is Sight.END  # EPIPE, since it has read EOF before
