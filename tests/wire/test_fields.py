"""Fields that are wanted of a request, several at once."""

from __future__ import annotations

from hamms_trio.wire.fields import combined_fields
from hamms_trio.wire.request import parse_head


def test_repeated_fields_are_combined_and_others_left_out() -> None:
    request = parse_head(
        b'GET / HTTP/1.1\r\nHost: a\r\nIf-Match: "a"\r\nX: y\r\nIF-MATCH:"b"\r\nRange: z\r\n\r\n'
    )

    wanted = ("if-match", "range", "if-none-match")
    assert combined_fields(request, wanted) == {"if-match": '"a", "b"', "range": "z"}
