"""Chance is a function: neither the sender of a request nor its time changes a decision."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from hamms_trio import HammsServer
from hamms_trio.lab.doors import Door
from hamms_trio.modes import CATALOGUE
from hamms_trio.testing.decisions import decisions
from tests.clients import raw

REQUESTS = 200
SEED = 7
GET = (
    b"GET /mode/status/?share=0.3&key=mine HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
)


@pytest.mark.parametrize("clients", [1, 100])
def test_the_decisions_are_the_same_with_1_or_100_clients(clients: int) -> None:
    expected = table({"share": 0.3, "key": "mine"})
    with HammsServer(beginning_port=0, seed=SEED) as server:

        def ask(_number: int) -> None:
            with raw.connected(server.address("path")) as client:
                client.sendall(GET)
                raw.receive_all(client)

        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(ask, range(REQUESTS)))
        struck = [request.struck for request in server.ledger.requests("status")]
    assert struck == expected
    assert 40 < sum(struck) < 80


def table(arguments: dict[str, object]) -> list[bool]:
    mode = CATALOGUE["status"]
    door = Door(mode.slug, mode, mode.checked(arguments))
    return list(decisions(door, seed=SEED, count=REQUESTS))


def test_another_key_or_seed_makes_other_decisions() -> None:
    assert table({"share": 0.3, "key": "mine"}) != table({"share": 0.3, "key": "yours"})
    assert table({"share": 0.3}) != table({"share": 0.3, "seed": 8})
