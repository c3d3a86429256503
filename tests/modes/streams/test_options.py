"""The wishes of requests for streams, small and large."""

from __future__ import annotations

import pytest

from hamms_trio.modes.streams.options import PARSED_OCTETS, StreamOptions
from hamms_trio.wire.http1.request import parse_head

HEAD = parse_head(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
WANTS_EVENTS = parse_head(b"POST / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")

WISHES = [
    (b"", StreamOptions(stream=True)),
    (b"[]", StreamOptions(stream=True)),
    (b'{"stream": tr', StreamOptions(stream=True)),
    (b"[" * 50_000, StreamOptions(stream=True)),
    (b"{}", StreamOptions()),
    (b'{"stream": false}', StreamOptions(stream=False)),
    (b'{"stream": true, "model": "m"}', StreamOptions(stream=True, model="m")),
    (b'{"stream": "yes", "model": 1}', StreamOptions()),
    (b'{"model": "%s"}' % (b"m" * 101), StreamOptions()),
    (b'{"model": "a\\nb"}', StreamOptions()),
    (
        b'{"stream": true, "stream_options": {"include_usage": true}}',
        StreamOptions(True, usage=True),
    ),
]
LARGE = b'{"prompt": "%s \\"stream\\": false", ' % (b"x" * PARSED_OCTETS)


@pytest.mark.parametrize(("content", "asked"), WISHES)
def test_wishes_are_read_from_json(content: bytes, asked: StreamOptions) -> None:
    assert StreamOptions.of(HEAD, content) == asked


@pytest.mark.parametrize(
    ("rest", "asked"),
    [
        (b'"stream" : true, "model":"m"}', StreamOptions(stream=True, model="m")),
        (b'"stream":false}', StreamOptions(stream=False)),
        (
            b'"stream":true,"stream_options":{"include_usage":true}}',
            StreamOptions(True, usage=True),
        ),
        (b'"other": 1}', StreamOptions()),
    ],
)
def test_wishes_are_found_in_large_content(rest: bytes, asked: StreamOptions) -> None:
    assert StreamOptions.of(HEAD, LARGE + rest) == asked


def test_a_client_that_accepts_events_wants_a_stream() -> None:
    assert StreamOptions.of(WANTS_EVENTS, b'{"any": 1}').stream
