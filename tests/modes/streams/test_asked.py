"""The wishes of requests for streams, small and large."""

from __future__ import annotations

import pytest

from hamms_trio.modes.streams.asked import PARSED_OCTETS, Asked
from hamms_trio.wire.http1.request import parse_head

HEAD = parse_head(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
WANTS_EVENTS = parse_head(b"POST / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")

WISHES = [
    (b"", Asked(stream=True)),
    (b"[]", Asked(stream=True)),
    (b'{"stream": tr', Asked(stream=True)),
    (b"[" * 50_000, Asked(stream=True)),
    (b"{}", Asked()),
    (b'{"stream": false}', Asked(stream=False)),
    (b'{"stream": true, "model": "m"}', Asked(stream=True, model="m")),
    (b'{"stream": "yes", "model": 1}', Asked()),
    (b'{"model": "%s"}' % (b"m" * 101), Asked()),
    (b'{"model": "a\\nb"}', Asked()),
    (b'{"stream": true, "stream_options": {"include_usage": true}}', Asked(True, usage=True)),
]
LARGE = b'{"prompt": "%s \\"stream\\": false", ' % (b"x" * PARSED_OCTETS)


@pytest.mark.parametrize(("content", "asked"), WISHES)
def test_wishes_are_read_from_json(content: bytes, asked: Asked) -> None:
    assert Asked.by(HEAD, content) == asked


@pytest.mark.parametrize(
    ("rest", "asked"),
    [
        (b'"stream" : true, "model":"m"}', Asked(stream=True, model="m")),
        (b'"stream":false}', Asked(stream=False)),
        (b'"stream":true,"stream_options":{"include_usage":true}}', Asked(True, usage=True)),
        (b'"other": 1}', Asked()),
    ],
)
def test_wishes_are_found_in_large_content(rest: bytes, asked: Asked) -> None:
    assert Asked.by(HEAD, LARGE + rest) == asked


def test_a_client_that_accepts_events_wants_a_stream() -> None:
    assert Asked.by(WANTS_EVENTS, b'{"any": 1}').stream
