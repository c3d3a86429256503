"""A reader of a plain event stream that reconnects, with httpx-sse.

Install the client with `pip install httpx-sse`.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from hamms_trio import HammsServer

httpx_sse = pytest.importorskip("httpx_sse")


def events(client: httpx.Client, url: str) -> Iterator[str]:
    """Yield the data of each event, across connections; put your code under test here."""
    last_event_id = ""
    while True:
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        with client.stream("GET", url, headers=headers) as response:
            if response.status_code == 204:
                return
            response.raise_for_status()
            try:
                for event in httpx_sse.EventSource(response).iter_sse():
                    last_event_id = event.id or last_event_id
                    if event.data:  # a block of id or retry alone is no event
                        yield event.data
            except httpx.TransportError:
                if not last_event_id:
                    raise


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=1) as client:
        yield client


WORDS = ["t0", "t1", "t2", "t3 n1"]


@pytest.mark.parametrize(
    ("slug", "arguments"),
    [
        ("sse-crlf-split", {"case": "crlf"}),
        ("sse-crlf-split", {"case": "cr"}),
        ("sse-bytewise", {}),
        ("sse-bom", {"case": "split"}),
        ("sse-nospace", {}),
    ],
)
def test_the_grammar_is_read_exactly(
    hamms: HammsServer, client: httpx.Client, slug: str, arguments: dict[str, str]
) -> None:
    url = hamms.url(slug, tokens=4, nonce="n1", **arguments)
    assert list(events(client, url)) == WORDS


def test_a_separator_of_lines_stays_in_the_data(hamms: HammsServer, client: httpx.Client) -> None:
    url = hamms.url("sse-line-separators", tokens=2, nonce="n1", char="u2028")
    assert list(events(client, url)) == ["t0\u2028", "t1\u2028 n1"]


def test_no_event_comes_twice(hamms: HammsServer, client: httpx.Client) -> None:
    url = hamms.url("sse-last-event-id", n=2, tokens=4, nonce="n1")
    assert list(events(client, url)) == WORDS
    requests = hamms.ledger.requests("sse-last-event-id")
    assert [request.head.get("last-event-id") for request in requests] == [None, "2", "4"]


def test_a_wrong_type_is_an_error(hamms: HammsServer, client: httpx.Client) -> None:
    with pytest.raises(httpx_sse.SSEError):
        list(events(client, hamms.url("sse-wrong-type")))
