"""Several fields of a request at once."""

from __future__ import annotations

import pytest

from hamms_trio.wire import parse_head, scan_for

WANTED = scan_for("if-match", "range", "if-none-match")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (b"", {}),
        (b"Range: z\r\n", {"range": "z"}),
        (b"Range:\r\n", {"range": ""}),
        (b"RANGE: \t a b \t\r\n", {"range": "a b"}),
        (
            b'If-Match: "a"\r\nX: y\r\nIF-MATCH:"b"\r\nRange: z\r\n',
            {"if-match": '"a", "b"', "range": "z"},
        ),
        (b"X-Range: a\r\nRange-X: b\r\nX: Range: c\r\n", {}),
        (b"If-Match: \xe9\r\n", {"if-match": "\xe9"}),
    ],
)
def test_repeated_fields_are_combined_and_others_left_out(
    lines: bytes, found: dict[str, str]
) -> None:
    request = parse_head(b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
    assert request.combined(WANTED) == found
