"""The contract that every failure mode keeps, on each kind of hub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hamms_trio import HammsServer
from hamms_trio.lab.doors import ports_of
from hamms_trio.modes import CATALOGUE, FailureMode
from hamms_trio.net.hub import CHOICE
from hamms_trio.testing import check_contract, check_declaration
from tests.clients import raw
from tests.conftest import HUBS

REQUEST = b"GET / HTTP/1.1\r\nHost: hamms.test\r\n\r\n"


@pytest.fixture(scope="module", params=HUBS)
def server(request: pytest.FixtureRequest) -> Iterator[HammsServer]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(CHOICE, request.param)
        with HammsServer(beginning_port=0, speed=1000) as server:
            yield server


@pytest.mark.parametrize("slug", CATALOGUE)
def test_a_client_costs_only_its_own_connection(server: HammsServer, slug: str) -> None:
    check_contract(server, slug)


@pytest.mark.parametrize("mode", CATALOGUE.values(), ids=CATALOGUE)
def test_a_mode_says_what_it_does_and_what_a_client_owes(mode: FailureMode) -> None:
    check_declaration(mode)


def test_many_clients_of_all_modes_at_once_leave_nothing_open(server: HammsServer) -> None:
    server.start_afresh()
    accepting = [door.name for door in ports_of(CATALOGUE) if door.listens]
    for _ in range(20):
        for slug in accepting:
            with raw.connected(server.address(slug)) as client:
                client.sendall(REQUEST)
    server.ledger.wait_until(
        lambda ledger: (
            len(ledger.connections()) == 20 * len(accepting)
            and all(record.closed for record in ledger.connections())
        ),
        timeout=30,
    )
