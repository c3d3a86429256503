"""The contract that every failure mode keeps, on each kind of hub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hamms_trio import HammsServer
from hamms_trio.lab.doors import Door
from hamms_trio.lab.script.player import script
from hamms_trio.modes import CATALOGUE, FailureMode
from hamms_trio.modes.model.expectation import Outcome
from hamms_trio.net.hubs.hub import CHOICE
from hamms_trio.net.observer import Ending
from hamms_trio.testing import check_contract, check_declaration
from tests.clients import raw
from tests.conftest import HUBS

# Requests after which the server has to close the connection.
LAST_REQUESTS = {
    "Connection: close": b"GET / HTTP/1.1\r\nHost: hamms.test\r\nConnection: close\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\nHost: hamms.test\r\n\r\n",
}
ON_REQUEST = [mode for mode in CATALOGUE.values() if not mode.needs_port]
ENDS = {Ending.FIN.value, Ending.RST.value}
ENDLESS = {Outcome.TIMEOUT, Outcome.BOUNDED}  # the outcomes due for modes that do not end
SILENT = {"interim-101-unexpected", "status-foreign-banner"}  # an error is due nevertheless
CROWDS, CLIENTS_OF_EACH = 5, 2
REQUEST = b"GET / HTTP/1.1\r\nHost: hamms.test\r\n\r\n"


@pytest.fixture(scope="module", params=HUBS)
def server(request: pytest.FixtureRequest) -> Iterator[HammsServer]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(CHOICE, request.param)
        with HammsServer(beginning_port=0, speed=1000) as server:
            yield server


@pytest.mark.parametrize("slug", CATALOGUE)
def test_a_client_costs_only_its_own_connection(server: HammsServer, slug: str) -> None:
    server.ledger.clear()  # it is read again at each change
    check_contract(server, slug)


@pytest.mark.parametrize("mode", CATALOGUE.values(), ids=CATALOGUE)
def test_a_mode_declares_its_fault_and_the_client_s_duty(mode: FailureMode) -> None:
    check_declaration(mode)


@pytest.mark.parametrize("octets", LAST_REQUESTS.values(), ids=LAST_REQUESTS)
@pytest.mark.parametrize("mode", ON_REQUEST, ids=lambda mode: mode.slug)
def test_a_connection_ends_after_the_last_request(mode: FailureMode, octets: bytes) -> None:
    *_, (_, _, end) = script(Door(mode.slug, mode), [octets])

    assert end in ENDS or mode.client.outcome in ENDLESS or mode.slug in SILENT


def test_many_clients_of_all_modes_at_once_leave_nothing_open(server: HammsServer) -> None:
    targets = [f"/mode/{mode.slug}/" for mode in CATALOGUE.values() if not mode.needs_port]
    for _ in range(CROWDS):
        server.start_afresh()  # the ledger is read again at each change, so it stays short
        for target in CLIENTS_OF_EACH * targets:
            with raw.connected(server.address("path")) as client:
                client.sendall(REQUEST.replace(b" / ", f" {target} ".encode()))
        server.ledger.wait_until(
            lambda ledger: (
                len(ledger.connections()) == CLIENTS_OF_EACH * len(targets)
                and all(record.closed for record in ledger.connections())
            ),
            timeout=60,  # a net, not a measurement
        )
