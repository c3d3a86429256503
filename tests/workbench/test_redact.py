"""No credential gets into a record, and nothing else is changed."""

from __future__ import annotations

import pytest

from hamms_trio.workbench.live.redact import redact_body, redact_fields, redact_query

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

BODIES = [
    (JSON, '{"username": "a", "password": "b"}', '{"username": "a", "password": "[redacted]"}'),
    (JSON, '{"password" :  "a\\"b\\\\", "c":1}', '{"password" :  "[redacted]", "c":1}'),
    (JSON, '{"pass\\u0077ord": "b"}', '{"pass\\u0077ord": "[redacted]"}'),
    (JSON, '{"pin": 5, "accessToken": 5}', '{"pin": 5, "accessToken": "[redacted]"}'),
    (JSON, '[{"a": {"client_secret": "b"}}]', '[{"a": {"client_secret": "[redacted]"}}]'),
    (JSON, '{"token": {"value": "b"}}', '{"token":"[redacted]"}'),
    (JSON, '{"token": null, "max_tokens": 5}', '{"token": null, "max_tokens": 5}'),
    ("", '{"session": {"token": "b"}}', '{"session": {"token": "[redacted]"}}'),
    (JSON, '{"author": "a", "note": "my password"}', '{"author": "a", "note": "my password"}'),
    (FORM, "user=a&password=b&c=d", "user=a&password=[redacted]&c=d"),
    (FORM, "p%61ssword=b", "p%61ssword=[redacted]"),
    ("text/plain", "password: b", "password: b"),
    (JSON, "{" * 5_000 + '"token"', "{" * 5_000 + '"token"'),
]


@pytest.mark.parametrize(("content_type", "body", "expected"), BODIES)
def test_a_body_loses_its_secrets_and_keeps_everything_else(
    content_type: str, body: str, expected: str
) -> None:
    assert redact_body(body.encode(), content_type).decode() == expected


def test_octets_that_are_not_text_stay() -> None:
    assert redact_body(b"\xff password", JSON) == b"\xff password"


def test_header_fields_lose_their_credentials() -> None:
    fields = [
        ("Authorization", "Bearer a"),
        ("COOKIE", "a=b"),
        ("X-Api-Key", "c"),
        ("Accept", "*/*"),
    ]
    assert redact_fields(fields) == [
        ("Authorization", "[redacted]"),
        ("COOKIE", "[redacted]"),
        ("X-Api-Key", "[redacted]"),
        ("Accept", "*/*"),
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=b&token=c", "a=b&token=[redacted]"),
        ("a=b%20c&d", "a=b%20c&d"),
        ("token=", "token="),
        ("", ""),
    ],
)
def test_a_query_loses_its_secrets(query: str, expected: str) -> None:
    assert redact_query(query) == expected
