"""The mode ``retries``, which fails some times and then succeeds, and clients that retry."""

from __future__ import annotations

import httpx
import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from hamms_trio import HammsServer
from tests.clients import raw
from tests.clients.outcomes import SAFETY_NET


def test_the_third_try_succeeds(hamms: HammsServer) -> None:
    answers = [requests.get(hamms.url("retries"), timeout=SAFETY_NET) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [500, 500, 200, 200]
    assert [answer.json() for answer in answers[:3]] == [
        {
            "error": "The server had an error. Try again 2 more times",
            "key": "default",
            "success": False,
            "tries_remaining": 2,
        },
        {
            "error": "The server had an error. Try again 1 more time",
            "key": "default",
            "success": False,
            "tries_remaining": 1,
        },
        {"key": "default", "tries_remaining": 0, "success": True},
    ]


def test_each_key_has_a_counter_of_its_own(hamms: HammsServer) -> None:
    def ask(key: str, tries: int) -> int:
        url = hamms.url("retries", key=key, tries=tries)
        return requests.get(url, timeout=SAFETY_NET).status_code

    assert [ask("a", 2), ask("b", 3), ask("a", 2), ask("b", 3), ask("b", 3)] == [
        500,
        500,
        200,
        500,
        200,
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_counts_as_a_try(hamms: HammsServer, method: str) -> None:
    url = hamms.url("retries", tries=2)
    answers = [
        requests.request(method, url, timeout=SAFETY_NET, data=data) for data in (None, b"a body")
    ]

    assert [answer.status_code for answer in answers] == [500, 200]


def test_a_client_that_retries_enough_sees_only_success(hamms: HammsServer) -> None:
    policy = urllib3.Retry(total=4, status_forcelist=[500], backoff_factor=0)
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=policy))
        answer = session.get(hamms.url("retries", key="patient", tries=5), timeout=SAFETY_NET)

    assert answer.status_code == 200
    attempts = hamms.ledger.requests("retries", key="patient")
    assert [attempt.status for attempt in attempts] == [500, 500, 500, 500, 200]
    assert len(attempts.spacing) == 4
    assert all(seconds >= 0 for seconds in attempts.spacing)


def test_a_client_with_too_few_retries_raises(hamms: HammsServer) -> None:
    policy = urllib3.Retry(total=2, status_forcelist=[500], backoff_factor=0)
    with (
        urllib3.PoolManager(retries=policy) as pool,
        pytest.raises(urllib3.exceptions.MaxRetryError),
    ):
        pool.request("GET", hamms.url("retries", key="hasty", tries=9), timeout=SAFETY_NET)

    assert len(hamms.ledger.requests("retries", key="hasty")) == 3


async def test_the_ledger_has_the_attempts_of_an_async_client(hamms: HammsServer) -> None:
    url = hamms.url("retries", key="async", tries=2)
    async with httpx.AsyncClient(timeout=SAFETY_NET) as client:
        statuses = [(await client.get(url)).status_code for _ in range(2)]

    assert statuses == [500, 200]
    assert [each.status for each in hamms.ledger.requests("retries", key="async")] == statuses


def test_a_client_that_retries_survives_a_reset(hamms: HammsServer) -> None:
    policy = urllib3.Retry(total=1, backoff_factor=0)
    url = hamms.url("tcp-drop-random", every=2)
    with urllib3.PoolManager(retries=policy) as pool:
        statuses = [pool.request("GET", url, timeout=SAFETY_NET).status for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert [each.status for each in hamms.ledger.requests("tcp-drop-random")] == [
        200,
        None,
        200,
        None,
        200,
    ]


COUNTERS = "/counters"


def test_the_counters_are_listed(hamms: HammsServer) -> None:
    requests.get(hamms.url("retries", key="one", tries=2), timeout=SAFETY_NET)
    requests.get(hamms.url("retries", key="two", tries=9), timeout=SAFETY_NET)
    listed = requests.get(hamms.url("retries", COUNTERS), timeout=SAFETY_NET)

    assert listed.status_code == 200
    assert listed.json() == {"counters": {"one": 1, "two": 8}, "success": True}


@pytest.mark.parametrize("where", ["params", "data"])
@pytest.mark.parametrize(
    ("given", "key", "tries"),
    [
        ({"key": "k", "tries": "2"}, "k", 2),
        ({"key": "k"}, "k", 3),
        ({"tries": "1"}, "default", 1),
        ({}, "default", 3),
    ],
)
def test_a_counter_is_set_by_query_or_by_form(
    hamms: HammsServer, where: str, given: dict[str, str], key: str, tries: int
) -> None:
    url = hamms.url("retries", COUNTERS)
    requests.get(hamms.url("retries", key=key, tries=1), timeout=SAFETY_NET)
    answer = requests.request("POST", url, timeout=SAFETY_NET, **{where: given})  # type: ignore[arg-type]

    assert answer.status_code == 200
    assert answer.json() == {"key": key, "tries_remaining": tries, "success": True}
    listed = requests.get(url, timeout=SAFETY_NET).json()
    assert listed == {"counters": {key: tries}, "success": True}


@pytest.mark.parametrize("where", ["params", "data"])
@pytest.mark.parametrize("tries", ["many", "1.5", "", "0x10", "1_0", "-1", "1000001"])
def test_tries_out_of_range_or_no_integer_get_400(
    hamms: HammsServer, where: str, tries: str
) -> None:
    url = hamms.url("retries", COUNTERS)
    answer = requests.request("POST", url, timeout=SAFETY_NET, **{where: {"tries": tries}})  # type: ignore[arg-type]

    assert answer.status_code == 400
    assert "integer" in answer.json()["error"]
    assert "tries" in answer.json()["error"]
    assert requests.get(url, timeout=SAFETY_NET).json()["counters"] == {}


def test_the_counters_reject_other_methods(hamms: HammsServer) -> None:
    answer = requests.delete(hamms.url("retries", COUNTERS), timeout=SAFETY_NET)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, POST"


def test_a_counter_set_to_zero_succeeds_at_once(hamms: HammsServer) -> None:
    requests.post(hamms.url("retries", COUNTERS), data={"tries": "0"}, timeout=SAFETY_NET)

    assert requests.get(hamms.url("retries"), timeout=SAFETY_NET).status_code == 200


def test_the_number_of_counters_is_bounded(hamms: HammsServer) -> None:
    with raw.connected(hamms.address("retries")) as sock:
        for first in range(0, 1_100, 100):
            octets = b"".join(
                b"GET /?key=key-%d HTTP/1.1\r\nHost: hamms\r\n\r\n" % number
                for number in range(first, first + 100)
            )
            sock.sendall(octets)
            raw.receive_messages(sock, 100)
    listed = requests.get(hamms.url("retries", COUNTERS), timeout=SAFETY_NET).json()["counters"]

    assert len(listed) == 1_000
    assert "key-0" not in listed
    assert listed["key-1099"] == 2
