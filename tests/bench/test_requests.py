"""The requests of the loads: well formed, of one length, and different where they should be."""

from __future__ import annotations

from itertools import islice

import h11
import pytest

from bench.errors import Unmeasurable
from bench.loads.requests import are_whole, closes, is_whole, requests

VARYING = (b"user-agent", b"cookie", b"traceparent", b"x-request-id")
MANY = 300


def parsed(octets: bytes) -> tuple[h11.Request, bytes]:
    """Return a request and its content, as h11 reads them."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(octets)
    request, content = connection.next_event(), b""
    assert isinstance(request, h11.Request)
    while isinstance(event := connection.next_event(), h11.Data):
        content += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert connection.trailing_data == (b"", False)
    return request, content


@pytest.mark.parametrize("target", ["/", "/?status=200", "/%20"])
def test_different_heads_differ_in_every_field_that_varies_in_reality(target: str) -> None:
    made = list(islice(requests(target, "head"), MANY))
    heads = [parsed(octets)[0] for octets in made]

    assert len({len(octets) for octets in made}) == 1
    assert all(head.target.startswith(target.encode()) for head in heads)
    assert len({head.target for head in heads}) == MANY
    for name in VARYING:
        # A User-Agent may come again, as in reality.
        assert len({dict(head.headers)[name] for head in heads}) > 0.9 * MANY


def test_equal_heads_are_equal() -> None:
    assert len(set(islice(requests("/", ""), MANY))) == 1


def test_different_paths_begin_with_the_target() -> None:
    paths = {parsed(octets)[0].target for octets in islice(requests("/items/", "path"), MANY)}
    assert len(paths) == MANY
    assert all(path.startswith(b"/items/") for path in paths)


@pytest.mark.parametrize("varies", ["", "head", "path"])
def test_content_makes_a_post_of_that_length(varies: str) -> None:
    request, content = parsed(next(requests("/submit", varies, content=1024)))
    assert (request.method, len(content)) == (b"POST", 1024)


RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def test_a_response_is_whole_only_with_its_last_octet() -> None:
    assert [is_whole(RESPONSE[:end]) for end in range(len(RESPONSE))] == [False] * len(RESPONSE)
    assert is_whole(RESPONSE)


def test_pipelined_responses_are_whole_only_with_the_last_of_them() -> None:
    assert are_whole(RESPONSE * 3, 3)
    assert not are_whole(RESPONSE * 3, 4)
    assert not are_whole((RESPONSE * 3)[:-1], 3)


def test_a_response_says_whether_the_server_closes() -> None:
    assert closes(RESPONSE)
    assert not closes(RESPONSE.replace(b"close", b"keep-alive"))


@pytest.mark.parametrize("octets", [RESPONSE + b"!", RESPONSE.replace(b"200", b"500")])
def test_another_response_is_not_measured(octets: bytes) -> None:
    with pytest.raises(Unmeasurable):
        is_whole(octets)
