"""Mock documents: the rules, and the refusals that name the field and the value."""

from __future__ import annotations

import pytest

from hamms_trio.workbench.mocks.model import Mock, document_of, read_mock
from hamms_trio.workbench.routing.documents import read_object
from hamms_trio.workbench.routing.problems import Problem

MOCK = '"method": "GET", "path_pattern": "/a", "status": 200'


def check_fail(fail: str) -> None:
    if fail != "ok":
        raise ValueError(f"there is no failure mode {fail!r}")


def read(text: str | bytes) -> Mock:
    octets = text if isinstance(text, bytes) else text.encode()
    return read_mock(read_object(octets), max_body=1_000, check_fail=check_fail)


REFUSED = [
    # The documents that end the reference (W1, W3, W16, W35).
    ('{"method": "GET", "path_pattern": "/a"}', "invalid_mock", "status must be an integer"),
    ("{%s, \"headers\": null}", "invalid_mock", "headers must be an object"),
    ('{"method": "GET", "path_pattern": "/a", "status": 1e999}', "invalid_json", "out of range"),
    (b'{"method": "GET", "path_pattern": "/a", "status": 200, "body": "\\ud800"}', "invalid_json", "valid json"),
    ("[" * 50_000, "invalid_json", "levels deep"),
    ('{"a": ' * 70 + "1" + "}" * 70, "invalid_json", "levels deep"),
    ("{%s, \"headers\": 5}", "invalid_mock", "headers is 5"),
    ("{%s, \"headers\": {\"A\": \"b\\r\\nC: d\"}}", "invalid_mock", "control characters"),
    ("{%s, \"headers\": {\"A b\": \"c\"}}", "invalid_mock", "token"),
    ("{%s, \"headers\": {\"content-length\": \"5\"}}", "invalid_mock", "frame a message"),
    ("{%s, \"headers\": {\"Connection\": \"close\"}}", "invalid_mock", "frame a message"),
    ("{%s, \"headers\": {\"Transfer-Encoding\": \"chunked\"}}", "invalid_mock", "frame a message"),
    ("{%s, \"body\": {\"a\": 1}}", "invalid_mock", "body must be a text, and body is {\"a\": 1}"),
    # Every other rule.
    (b"\xff", "invalid_json", "body must be utf-8"),
    ("{", "invalid_json", "body must be valid json"),
    ("[]", "invalid_json", "must be an object"),
    ("5", "invalid_json", "must be an object"),
    ('{"n": ' + "9" * 5_000 + "}", "invalid_json", "body must be valid json"),
    ("{%s, \"color\": 1}", "invalid_mock", 'unknown field "color"'),
    ('{"method": "BREW", "path_pattern": "/a", "status": 200}', "invalid_mock", '"BREW"'),
    ('{"method": 5, "path_pattern": "/a", "status": 200}', "invalid_mock", "method is 5"),
    ('{"path_pattern": "/a", "status": 200}', "invalid_mock", "method must be one of"),
    ('{"method": "GET", "status": 200}', "invalid_mock", "path_pattern must start with /"),
    ('{"method": "GET", "path_pattern": "a", "status": 200}', "invalid_mock", "must start with /"),
    ('{"method": "GET", "path_pattern": "/a b", "status": 200}', "invalid_mock", "blanks"),
    ('{"method": "GET", "path_pattern": "/a?b", "status": 200}', "invalid_mock", "without blanks"),
    ('{"method": "GET", "path_pattern": "/{a", "status": 200}', "invalid_mock", "brace"),
    ('{"method": "GET", "path_pattern": "/{a}/{a}", "status": 200}', "invalid_mock", "one name"),
    ('{"method": "GET", "path_pattern": "/{a}{b}", "status": 200}', "invalid_mock", "two parameters"),
    ('{"method": "GET", "path_pattern": "/{a...}/b", "status": 200}', "invalid_mock", "brace"),
    ('{"method": "GET", "path_pattern": "/a", "status": "abc"}', "invalid_mock", '"abc"'),
    ('{"method": "GET", "path_pattern": "/a", "status": true}', "invalid_mock", "status is true"),
    ('{"method": "GET", "path_pattern": "/a", "status": 99}', "invalid_mock", "between 100 and 599"),
    ('{"method": "GET", "path_pattern": "/a", "status": 600}', "invalid_mock", "status is 600"),
    ('{"method": "GET", "path_pattern": "/a", "status": 100}', "invalid_mock", "must be final"),
    ("{%s, \"content_type\": \"\"}", "invalid_mock", "non-empty"),
    ("{%s, \"content_type\": \" \"}", "invalid_mock", "non-empty"),
    ("{%s, \"content_type\": \"a\\nb\"}", "invalid_mock", "control characters"),
    ("{%s, \"id\": \"a/b\"}", "invalid_mock", '"a/b"'),
    ("{%s, \"priority\": \"1\"}", "invalid_mock", 'priority: expected int, got str ("1")'),
    ("{%s, \"priority\": 9999999}", "invalid_mock", "9999999"),
    ("{%s, \"delay_ms\": -1}", "invalid_mock", "delay_ms"),
    ("{%s, \"share\": 1.5}", "invalid_mock", "share"),
    ("{%s, \"fail\": \"nope\"}", "invalid_mock", "no failure mode 'nope', and fail is \"nope\""),
    ("{%s, \"query\": {\"a\": 1}}", "invalid_mock", "query"),
    ("{%s, \"body_json\": {\"a[\": 1}}", "invalid_mock", "JMESPath"),
    ("{%s, \"sequence\": [{}]}", "invalid_mock", "sequence[0] needs a status"),
    ("{%s, \"sequence\": [{\"status\": 700}]}", "invalid_mock", "sequence[0].status is 700"),
    ("{%s, \"sequence\": [{\"status\": 200, \"x\": 1}]}", "invalid_mock", 'unknown field "x"'),
    ("{%s, \"sequence\": 5}", "invalid_mock", "sequence"),
    ("{%s, \"body\": \"{{body.a[}}\"}", "invalid_mock", "JMESPath"),
    ("{%s, \"body\": \"" + "x" * 1_001 + "\"}", "invalid_mock", "body exceeds max mock body size"),
    ("{%s, \"body\": \"" + "é" * 501 + "\"}", "invalid_mock", "1002 octets"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "words"), REFUSED)
def test_a_bad_document_is_refused_by_field_and_value(
    text: str | bytes, code: str, words: str
) -> None:
    text = text.replace("%s", MOCK) if isinstance(text, str) else text
    with pytest.raises(Problem) as refused:
        read(text)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("status", "code"),
    [("204", 204), ('"201"', 201), ("201.9", 201), ('"404.5"', 404), ("599", 599)],
)
def test_a_status_may_be_a_text_or_a_fraction(status: str, code: int) -> None:
    assert read(f'{{"method": "GET", "path_pattern": "/a", "status": {status}}}').code == code


def test_a_document_has_the_members_of_the_reference_and_more() -> None:
    mock = read('{%s, "method": "post", "priority": 3}' % MOCK)  # noqa: UP031 # braces abound

    assert document_of(mock) == {
        "id": "",
        "method": "POST",
        "path_pattern": "/a",
        "status": 200,
        "headers": {},
        "body": "",
        "content_type": "application/json",
        "created_at": "",
        "updated_at": "",
        "priority": 3,
    }


@pytest.mark.parametrize("more", ['"fail": "ok"', '"sequence": [{"status": 500}]'])
def test_a_mock_that_fails_or_has_a_sequence_needs_no_status(more: str) -> None:
    assert read(f'{{"method": "GET", "path_pattern": "/a", {more}}}').code == 200


def test_header_values_may_go_beyond_ascii() -> None:
    assert read('{%s, "headers": {"A": "naïve ✓"}}' % MOCK).headers == {"A": "naïve ✓"}  # noqa: UP031
