"""The contract of every failure mode, whatever it does, on each kind of hub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio

import netsplode
from hamms_trio.app import Hamms
from hamms_trio.modes import CATALOGUE, FailureMode, Trigger
from tests.lab.servers import HostModes, connect, open_sockets, read_all

ACCEPTING = [mode for mode in CATALOGUE.values() if mode.trigger is not Trigger.NEVER]
REQUEST = b"GET / HTTP/1.1\r\nHost: hamms.test\r\n\r\n"
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: ha"
WHAT_COMES = {
    "nothing": b"",
    "half-a-head": HALF_A_HEAD,
    "junk": bytes(range(256)) * 16,
    "a-request": REQUEST,
    "a-request-and-half-a-head": REQUEST + HALF_A_HEAD,
    "half-a-body": b"POST / HTTP/1.1\r\nHost: hamms.test\r\nContent-Length: 9\r\n\r\nhalf",
}
on_each_mode = pytest.mark.parametrize("mode", ACCEPTING, ids=lambda mode: mode.slug)
on_each_start = pytest.mark.parametrize("sent", WHAT_COMES.values(), ids=list(WHAT_COMES))


@asynccontextmanager
async def leaving_nothing_open(hamms: Hamms, *, connections: int = 1) -> AsyncIterator[None]:
    """The block's connections are closed soon after it, and nothing of them stays open."""
    before = open_sockets()
    yield
    await hamms.ledger.wait_until(
        lambda ledger: len(ledger.connections()) == connections and not ledger.open_connections()
    )
    assert not open_sockets() - before  # what others left open may be gone meanwhile


@on_each_mode
@on_each_start
async def test_a_client_that_leaves_costs_only_its_own_connection(
    hosting: HostModes, mode: FailureMode, sent: bytes
) -> None:
    async with hosting([mode]) as hamms:
        async with leaving_nothing_open(hamms):
            async with await connect(hamms, mode.slug) as client:
                await client.send_all(sent)
        async with await connect(hamms, mode.slug):
            await hamms.ledger.wait_until(lambda ledger: len(ledger.connections()) == 2)


@on_each_mode
@on_each_start
async def test_a_client_that_resets_costs_only_its_own_connection(
    hosting: HostModes, mode: FailureMode, sent: bytes
) -> None:
    async with hosting([mode]) as hamms, leaving_nothing_open(hamms):
        client = await connect(hamms, mode.slug)
        await client.send_all(sent)
        with suppress(netsplode.ConnectionNotFound):  # the mode has reset it before
            netsplode.reset_connection(client)
        await trio.aclose_forcefully(client)


@on_each_mode
async def test_a_cancelled_server_leaves_nothing_open(
    hosting: HostModes, mode: FailureMode
) -> None:
    before = open_sockets()
    async with hosting([mode]) as hamms:
        clients = [await connect(hamms, mode.slug) for _ in range(3)]
        for client in clients:
            await client.send_all(REQUEST)
        await hamms.ledger.wait_until(lambda ledger: len(ledger.connections()) == 3)
    for client in clients:
        await client.aclose()
    assert not open_sockets() - before  # what others left open may be gone meanwhile


@on_each_mode
async def test_a_request_is_in_the_ledger_whether_the_mode_reads_it_or_not(
    hosting: HostModes, mode: FailureMode
) -> None:
    async with (
        hosting([mode]) as hamms,
        await connect(hamms, mode.slug) as client,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(read_all, client)
        await client.send_all(b"PUT /x?y=1 HTTP/1.1\r\nHost: hamms.test\r\nX-Id: 7\r\n\r\n")
        await hamms.ledger.wait_until(lambda ledger: len(ledger.requests(mode.slug)) == 1)
        (request,) = hamms.ledger.requests()
        assert (request.method, request.target) == ("PUT", "/x?y=1")
        assert request.fields == (("Host", "hamms.test"), ("X-Id", "7"))
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("mode", CATALOGUE.values(), ids=lambda mode: mode.slug)
def test_it_says_what_it_does_and_what_a_client_owes(mode: FailureMode) -> None:
    assert mode.summary.endswith(".")
    assert mode.client.source
    for parameter in mode.parameters:
        default = mode.arguments({})[parameter.name]
        assert default is None or mode.arguments({parameter.name: str(default)})


async def test_many_clients_of_all_modes_at_once(hosting: HostModes) -> None:
    async with (
        hosting() as hamms,
        leaving_nothing_open(hamms, connections=20 * len(ACCEPTING)),
        trio.open_nursery() as nursery,
    ):

        async def visit(slug: str) -> None:
            async with await connect(hamms, slug) as client:
                await client.send_all(REQUEST)

        for _ in range(20):
            for mode in ACCEPTING:
                nursery.start_soon(visit, mode.slug)
