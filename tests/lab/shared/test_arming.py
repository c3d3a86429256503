"""Armed faults: they strike the next connections or requests, and later ones are healthy."""

from __future__ import annotations

import pytest
import requests

from hamms_trio import HammsServer
from hamms_trio.errors import NeedsPort, ParameterError, UnknownMode
from hamms_trio.lab.armed.arming import Arming
from hamms_trio.lab.doors import Doors
from hamms_trio.modes import CATALOGUE
from hamms_trio.wire import parse_head
from tests.clients import raw

SAFETY_NET = 60.0


def statuses(server: HammsServer, door: str, requests_sent: int) -> list[int]:
    """Return the status of so many requests, each on a connection of its own."""
    url = server.url(door, "/v1/x?status=404")
    return [requests.get(url, timeout=SAFETY_NET).status_code for _ in range(requests_sent)]


@pytest.mark.parametrize("door", ["armed", "path"])
def test_an_armed_fault_strikes_the_next_clients_and_no_later_one(
    server: HammsServer, door: str
) -> None:
    server.arm("status", status=503, times=2)
    assert statuses(server, door, 4) == [503, 503, 200, 200]
    assert server.ledger.fired("status")


def test_an_armed_connection_is_struck_from_beginning_to_end(server: HammsServer) -> None:
    server.arm("status", status=503)
    url = server.url("armed", "/v1")
    with requests.Session() as session:
        assert [session.get(url, timeout=SAFETY_NET).status_code for _ in range(3)] == [503] * 3
    assert statuses(server, "armed", 1) == [200]


def test_a_mode_that_acts_at_connect_can_be_armed(server: HammsServer) -> None:
    server.arm("tcp-accept-close")
    assert statuses(server, "path", 1) == [200]  # whose requests it can't meet
    with raw.connected(server.address("armed")) as client:
        assert raw.receive_all(client) == b""
    assert statuses(server, "armed", 1) == [200]


def test_the_oldest_armed_fault_strikes_first(server: HammsServer) -> None:
    server.arm("status", status=503)
    server.arm("status", status=429)
    assert statuses(server, "path", 3) == [503, 429, 200]


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ({"method": "get"}, True),
        ({"method": "POST"}, False),
        ({"path": "/v1/*"}, True),
        ({"path": "/v2/*"}, False),
        ({"host": "127.*"}, True),
        ({"host": "example.com"}, False),
        ({"fields": {"User-Agent": "python-requests/*"}}, True),
        ({"fields": {"User-Agent": "curl*"}}, False),
        ({"fields": {"X-Missing": "*"}}, False),
        ({"method": "GET", "path": "/v2/*"}, False),
    ],
)
def test_only_matching_requests_meet_the_armed_fault(
    server: HammsServer, match: dict[str, object], matches: bool
) -> None:
    with server.arm("status", status=503, match=match) as armed:
        assert statuses(server, "path", 1) == [503 if matches else 200]
        assert armed.left == (not matches)
    assert statuses(server, "path", 1) == [200]


def test_an_armed_fault_ends_by_its_time() -> None:
    now = 100.0
    arming = Arming(Doors(CATALOGUE), lambda: now)
    request = parse_head(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    arming.arm("status", {}, times=9, ttl=5)
    now += 4.9
    assert arming.take_request(request) is not None
    now += 0.1
    assert arming.take_request(request) is None
    assert arming.armed() == []


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("nope", {}, UnknownMode),
        ("tcp-refused", {}, NeedsPort),
        ("tcp-accept-close", {"match": {"path": "/x"}}, ParameterError),
        ("status", {"status": 5}, ParameterError),
        ("status", {"code": 500}, ParameterError),
        ("status", {"times": 0}, ParameterError),
        ("status", {"ttl": 0}, ParameterError),
        ("status", {"match": {"paht": "/"}}, ParameterError),
        ("status", {"match": {"path": 1}}, ParameterError),
        ("status", {"match": "/v1/*"}, ParameterError),
    ],
)
def test_arming_an_unsuitable_mode_is_an_error(
    server: HammsServer, name: str, options: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        server.arm(name, **options)  # type: ignore[arg-type]  # what is wrong is the point


def test_a_fresh_start_disarms_all(server: HammsServer) -> None:
    server.arm("status", status=503)
    server.start_afresh()
    assert statuses(server, "path", 1) == [200]
