"""Servers that fail some times, and send Retry-After."""

from __future__ import annotations

import pytest

from hamms_trio import HammsServer
from hamms_trio.wire.fields.dates import parse_http_date
from tests.clients import raw

FAILS_ONCE = [
    "retry-after",
    "retry-after-seconds",
    "retry-after-date",
    "retry-after-huge",
    "retry-after-negative",
    "retry-425",
    "retry-ratelimit-headers",
]


def statuses(hamms: HammsServer, slug: str, times: int, **parameters: object) -> list[int]:
    return [raw.get(hamms.url(slug, "/", **parameters)).status for _ in range(times)]


@pytest.mark.parametrize("slug", FAILS_ONCE)
@pytest.mark.parametrize("first", [1, 3])
def test_the_requested_number_of_requests_fails_and_the_next_succeeds(
    hamms: HammsServer, slug: str, first: int
) -> None:
    answered = statuses(hamms, slug, first + 1, first=first, key="a")

    assert min(answered[:-1]) >= 400
    assert answered[-1] == 200
    assert [r.struck for r in hamms.ledger.requests(slug)] == [True] * first + [False]
    assert statuses(hamms, slug, 1, first=first, key="b") != [200]


@pytest.mark.parametrize(
    ("form", "seconds"),
    [("future", 60), ("asctime", 60), ("rfc850", 60), ("past", -3600), ("garbage", None)],
)
def test_retry_after_can_be_a_date(hamms: HammsServer, form: str, seconds: int | None) -> None:
    answer = raw.get(hamms.url("retry-after-date", "/", value=form, s=60))

    sent = parse_http_date(answer.fields["date"], now=0)
    assert sent is not None
    then = parse_http_date(answer.fields["retry-after"], now=sent)
    if seconds is None:
        assert then is None
    else:
        assert then is not None
        assert seconds <= then - sent <= seconds + 1


@pytest.mark.parametrize(
    "value", ["3", "-7", "", "soon", "1e3", "später", "Sun, 06 Nov 1994 08:49:37 GMT"]
)
def test_a_chosen_retry_after_is_sent_unchanged(hamms: HammsServer, value: str) -> None:
    answer = raw.get(hamms.url("retry-after", "/", value=value, status=429))

    assert (answer.status, answer.fields["retry-after"].encode("latin-1").decode()) == (429, value)


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_counter_s_failures_may_be_ends_of_the_connection(hamms: HammsServer, how: str) -> None:
    request = b"GET /?tries=2&how=%b HTTP/1.1\r\nHost: hamms.test\r\nConnection: close\r\n\r\n"
    address = hamms.address("retries")

    if how == "fin":
        assert raw.exchange(address, request % b"fin") == b""
    else:
        with pytest.raises(ConnectionResetError):
            raw.exchange(address, request % b"rst")
    assert raw.exchange(address, request % how.encode()).startswith(b"HTTP/1.1 200 ")
