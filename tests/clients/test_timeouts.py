"""Responses that trickle, and the timeouts that end them or do not."""

from __future__ import annotations

from time import monotonic

import pytest

from hamms_trio import HammsServer
from tests.clients.adapters import CLIENTS
from tests.clients.outcomes import Answer, Failure

READ_TIMEOUT = 1.0
WHOLE_TIMEOUT = 0.3
EACH_READ = ["http.client", "urllib3", "requests", "httpx", "httpx in trio"]
WHOLE_EXCHANGE = ["aiohttp", "curl", "fetch"]


@pytest.mark.parametrize("client", EACH_READ)
def test_trickle_never_trips_a_per_read_timeout(hamms: HammsServer, client: str) -> None:
    began = monotonic()
    answer = CLIENTS[client](hamms.url("pace-byte", interval=0.02), READ_TIMEOUT)

    assert answer == Answer(204, b"")
    assert monotonic() - began > READ_TIMEOUT  # so a timeout per read does not bound the exchange


@pytest.mark.parametrize("client", WHOLE_EXCHANGE)
@pytest.mark.parametrize("slug", ["pace-byte", "pace-byte-slow"])
def test_a_timeout_for_the_whole_exchange_ends_a_trickle(
    hamms: HammsServer, client: str, slug: str
) -> None:
    url = hamms.url(slug, interval=0.05)

    assert CLIENTS[client](url, WHOLE_TIMEOUT) is Failure.TIMEOUT


@pytest.mark.parametrize("client", ["http.client", "requests"])
@pytest.mark.parametrize("slug", ["tcp-accept-hang", "frame-cl-short-hang", "pace-first-byte"])
def test_the_ledger_records_when_a_client_timed_out(
    hamms: HammsServer, client: str, slug: str
) -> None:
    CLIENTS[client](hamms.url(slug), WHOLE_TIMEOUT)
    hamms.ledger.wait_until(
        lambda ledger: any(connection.left for connection in ledger.connections(slug))
    )

    (connection,) = hamms.ledger.connections(slug)
    assert connection.left_after is not None
    assert connection.left_after > 0
    (request,) = hamms.ledger.requests(slug)
    assert request.method == "GET"
