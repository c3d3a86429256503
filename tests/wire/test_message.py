"""Responses: their pieces as they come, and whole ones framed truthfully (RFC 9112 §4 to §7)."""

from __future__ import annotations

import h11
import pytest

from hamms_trio.wire import (
    REASON_PHRASES,
    Field,
    RequestHead,
    chunk,
    field_lines,
    head,
    is_interim,
    last_chunk,
    reason_phrase,
    response,
    status_line,
)
from hamms_trio.wire.http1.build import connection_field


def request(method: str = "GET", minor: int = 1, *, persistent: bool | None = None) -> RequestHead:
    made = RequestHead(b"", method, "a:1" if method == "CONNECT" else "/", minor)
    if persistent is not None:
        made.persistent = persistent
    return made


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"HTTP/1.1 200 OK\r\n"),
        (404, b"HTTP/1.1 404 Not Found\r\n"),
        (418, b"HTTP/1.1 418 I'm a teapot\r\n"),
        (299, b"HTTP/1.1 299 \r\n"),
        (999, b"HTTP/1.1 999 \r\n"),
    ],
)
def test_a_status_line_has_its_reason_phrase_or_an_empty_one(status: int, line: bytes) -> None:
    assert status_line(status) == line


@pytest.mark.parametrize(
    ("fields", "octets"),
    [
        ((), b""),
        ((("A", "b"),), b"A: b\r\n"),
        ((("A", "b"), ("a", "")), b"A: b\r\na: \r\n"),
        ((("X", "caf\xe9"),), b"X: caf\xe9\r\n"),
    ],
)
def test_field_lines_keep_their_order(fields: tuple[Field, ...], octets: bytes) -> None:
    assert field_lines(fields) == octets


def test_a_head_has_exactly_the_given_fields() -> None:
    fields = ("Content-Length", "3"), ("Content-Length", "4")
    assert head(200) == b"HTTP/1.1 200 OK\r\n\r\n"
    assert head(200, *fields, origin=b"Server: x\r\n") == (
        b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("octets", "coded"),
    [(b"a", b"1\r\na\r\n"), (b"x" * 26, b"1a\r\n" + b"x" * 26 + b"\r\n"), (b"", b"0\r\n\r\n")],
)
def test_a_chunk_has_its_size_in_hexadecimal(octets: bytes, coded: bytes) -> None:
    assert chunk(octets) == coded


def test_the_last_chunk_has_no_content() -> None:
    assert last_chunk() == chunk(b"")


KEEP, CLOSE = b"Connection: keep-alive\r\n", b"Connection: close\r\n"


@pytest.mark.parametrize(
    ("made", "close", "line"),
    [
        (request(), False, b""),
        (request(), True, CLOSE),
        (request(persistent=False), False, CLOSE),
        (request(minor=0), False, CLOSE),
        (request(minor=0), True, CLOSE),
        (request(minor=0, persistent=True), False, KEEP),
        (request(minor=0, persistent=True), True, CLOSE),
    ],
)
def test_the_connection_field_is_sent_only_against_the_default(
    made: RequestHead, close: bool, line: bytes
) -> None:
    assert connection_field(made, close=close) == line


BODY = b"hello"
RESPONSES = {
    "GET": (request(), 200, b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\nhello"),
    "HEAD": (request("HEAD"), 200, b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\n"),
    "100": (request(), 100, b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"),
    "101": (request(), 101, b"HTTP/1.1 101 Switching Protocols\r\nX: y\r\n\r\n"),
    "103 to one that closes": (
        request(persistent=False),
        103,
        b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n",
    ),
    "204": (request(), 204, b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"),
    "204 to HEAD": (request("HEAD"), 204, b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"),
    "205": (request(), 205, b"HTTP/1.1 205 Reset Content\r\nX: y\r\nContent-Length: 0\r\n\r\n"),
    "304": (request(), 304, b"HTTP/1.1 304 Not Modified\r\nX: y\r\n\r\n"),
    "304 that closes": (
        request(persistent=False),
        304,
        b"HTTP/1.1 304 Not Modified\r\nX: y\r\nConnection: close\r\n\r\n",
    ),
    "CONNECT refused": (
        request("CONNECT"),
        403,
        b"HTTP/1.1 403 Forbidden\r\nX: y\r\nContent-Length: 5\r\n\r\nhello",
    ),
    "CONNECT granted": (request("CONNECT"), 200, b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"),
    "HTTP/1.0": (
        request(minor=0),
        200,
        b"HTTP/1.1 200 OK\r\nX: y\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
    ),
    "HTTP/1.0 keep-alive": (
        request(minor=0, persistent=True),
        200,
        b"HTTP/1.1 200 OK\r\nX: y\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
    ),
    "no phrase": (request(), 999, b"HTTP/1.1 999 \r\nX: y\r\nContent-Length: 5\r\n\r\nhello"),
}


@pytest.mark.parametrize(("made", "status", "octets"), RESPONSES.values(), ids=RESPONSES)
def test_a_response_is_framed_truthfully(made: RequestHead, status: int, octets: bytes) -> None:
    assert response(made, status, (("X", "y"),), body=BODY) == octets


def test_a_response_to_a_persistent_client_may_end_the_connection() -> None:
    octets = response(request(), 200, close=True, origin=b"Server: x\r\n")
    assert octets == (
        b"HTTP/1.1 200 OK\r\nServer: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )


def read_by_h11(octets: bytes, made: RequestHead) -> tuple[bytes, bytes]:
    """Return the content that h11 parses as a client, and the octets it leaves."""
    client = h11.Connection(h11.CLIENT)
    client.send(
        h11.Request(
            method=made.method,
            target=made.target,
            headers=[("Host", "a"), ("Connection", "Upgrade"), ("Upgrade", "x")],
        )
    )
    client.send(h11.EndOfMessage())
    client.receive_data(octets + b"HTTP/1.1 ")
    content = b""
    while True:
        event = client.next_event()
        if isinstance(event, h11.Data):
            content += event.data
        elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.EndOfMessage):
            return content, client.trailing_data[0]


METHODS = ("GET", "HEAD", "POST", "OPTIONS", "CONNECT")
STATUSES = sorted({*REASON_PHRASES, 299, 599, 999})


@pytest.mark.parametrize("method", METHODS)
def test_h11_finds_exactly_the_body_and_nothing_else(method: str) -> None:
    made = request(method)
    for status in STATUSES:
        tunnels = method == "CONNECT" and 200 <= status < 300
        bodiless = method == "HEAD" or tunnels or status < 200 or status in (204, 205, 304)
        found = read_by_h11(response(made, status, body=BODY), made)
        assert found == (b"" if bodiless else BODY, b"HTTP/1.1 "), status


def test_only_a_final_response_ends_the_exchange() -> None:
    assert [status for status in STATUSES if is_interim(status)] == [100, 102, 103]


def test_every_registered_phrase_can_be_sent() -> None:
    for status in range(100, 1000):
        assert reason_phrase(status).isascii()
        assert reason_phrase(status).strip() == reason_phrase(status)
