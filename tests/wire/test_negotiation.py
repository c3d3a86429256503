"""The media types that a request accepts (RFC 9110 §12.5.1)."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from hamms_trio.wire import best_match, quality
from hamms_trio.wire.fields import negotiation
from tests.wire.pieces import DETERMINISTIC

RFC_EXAMPLE = (
    "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, "
    "*/*;q=0.5"
)

QUALITIES: list[tuple[str | None, str, float]] = [
    # RFC 9110 §12.5.1's own examples
    ("audio/*; q=0.2, audio/basic", "audio/basic", 1.0),
    ("audio/*; q=0.2, audio/basic", "audio/mpeg", 0.2),
    ("audio/*; q=0.2, audio/basic", "text/html", 0.0),
    ("text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c", "text/plain", 0.5),
    ("text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c", "text/html", 1.0),
    ("text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c", "text/x-dvi", 0.8),
    ("text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c", "text/x-c", 1.0),
    (RFC_EXAMPLE, "text/plain", 0.7),
    (RFC_EXAMPLE, "text/html", 0.3),
    (RFC_EXAMPLE, "image/jpeg", 0.5),
    # absent, empty, nothing but junk: everything will do
    (None, "text/html", 1.0),
    ("", "text/html", 1.0),
    (" ,\t, ,", "text/html", 1.0),
    ("text", "text/html", 1.0),
    # wildcards
    ("*/*", "text/html", 1.0),
    ("text/*", "text/html", 1.0),
    ("text/*", "image/png", 0.0),
    ("*/html", "text/html", 0.0),
    # the most specific range decides, wherever it stands and whatever its quality
    ("*/*, text/*;q=0.5, text/html;q=0", "text/html", 0.0),
    ("text/html;q=0, text/*;q=0.5, */*", "text/html", 0.0),
    ("text/html;q=0, text/*;q=0.5, */*", "text/xml", 0.5),
    ("text/*;q=0, */*", "text/xml", 0.0),
    ("text/html;q=0.1, */*;q=0.9", "text/html", 0.1),
    ("*/*;q=0", "text/html", 0.0),
    # quality values
    ("text/html;q=0", "text/html", 0.0),
    ("text/html;q=0.0", "text/html", 0.0),
    ("text/html;q=0.", "text/html", 0.0),
    ("text/html;q=0.001", "text/html", 0.001),
    ("text/html;q=1.000", "text/html", 1.0),
    ("text/html;q=1.", "text/html", 1.0),
    # malformed ranges are ignored, and only they
    ("text/html;q=2, */*;q=0.1", "text/html", 0.1),
    ("text/html;q=1.001, */*;q=0.1", "text/html", 0.1),
    ("text/html;q=0.0001, */*;q=0.1", "text/html", 0.1),
    ("text/html;q=-0, */*;q=0.1", "text/html", 0.1),
    ("text/html;q=.5, */*;q=0.1", "text/html", 0.1),
    ("text/html;q=nan, */*;q=0.1", "text/html", 0.1),
    ('text/html;q="0.5", */*;q=0.1', "text/html", 0.1),
    ("text/html;q, */*;q=0.1", "text/html", 0.1),
    ("text/html;q=, */*;q=0.1", "text/html", 0.1),
    ("text/html;q =0.5, */*;q=0.1", "text/html", 0.1),
    ("text /html, */*;q=0.1", "text/html", 0.1),
    ("text/html/x, */*;q=0.1", "text/html", 0.1),
    ("text/, */*;q=0.1", "text/html", 0.1),
    ("/html, */*;q=0.1", "text/html", 0.1),
    ("text/html charset=x, */*;q=0.1", "text/html", 0.1),
    ('text/html;a="b, */*;q=0.1', "image/png", 1.0),
    ("caf\xe9/html, */*;q=0.1", "text/html", 0.1),
    # case, whitespace, empty members and parameters
    ("TEXT/Html;Q=0.5", "text/html", 0.5),
    (" \ttext/html\t ;\tq=0.5 ", "text/html", 0.5),
    (",,text/html;q=0.5,,", "text/html", 0.5),
    ("text/html;;q=0.5;", "text/html", 0.5),
    # a type without parameters is not what a range with parameters means
    ("text/html;level=1", "text/html", 0.0),
    ("text/html;level=1, text/html;q=0.4", "text/html", 0.4),
    # what follows q is not part of the range
    ("text/html;q=0.5;level=1", "text/html", 0.5),
    # quoted strings hold commas, semicolons and escaped quotes
    ('text/html;a="b, text/plain;q=0.9", image/png', "text/plain", 0.0),
    ('text/html;a="b, text/plain;q=0.9", image/png', "image/png", 1.0),
    (r'text/html;a="b\", text/plain", image/png', "text/plain", 0.0),
    ('text/html;a="b;q=0.3";q=0.5, */*;q=0.2', "text/html", 0.2),
    ('text/html;q=0.5;a="b,c", */*;q=0.2', "text/html", 0.5),
]


@pytest.mark.parametrize(("accept", "media_type", "expected"), QUALITIES)
def test_the_quality_of_a_type(accept: str | None, media_type: str, expected: float) -> None:
    assert quality(accept, media_type) == expected


OFFERED = ("application/json", "text/html", "text/plain")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/html"),
        ("text/plain", "text/plain"),
        ("text/plain, text/html", "text/html"),
        ("text/plain;q=0.9, text/html;q=0.8", "text/plain"),
        ("text/html;q=0, text/*;q=0.5, */*;q=0.1", "text/plain"),
        ("image/png", None),
        ("*/*;q=0", None),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
    ],
)
def test_the_best_match_is_the_first_of_the_most_wanted(
    accept: str | None, expected: str | None
) -> None:
    assert best_match(accept, OFFERED) == expected


def test_nothing_matches_when_nothing_is_offered() -> None:
    assert best_match(None, ()) is None


HUGE = {
    "commas": "," * 8192,
    "quotes": '"' * 8191,
    "escaped quotes": '"' + '\\"' * 4095,
    "backslashes": '"' + "\\" * 8191,
    "semicolons": "text/html" + ";" * 8000,
    "semicolons and spaces": "text/html" + "; " * 4000 + "!",
    "spaces": " " * 8192,
    "spaces within": "text/html" + " " * 8000 + "x",
    "spaces after a semicolon": "text/html;" + " " * 8000 + "x",
    "a token": "a" * 8192,
    "parameters": "text/html" + ";a=b" * 2000,
    "an endless parameter": "text/html;" + "a" * 8000,
    "quoted strings": 'text/html;a="' + '","' * 2700,
    "quotes and tokens": 'a"b' * 2730,
    "ranges": "a/b," * 2048,
    "a million octets": "a/b;c=d, " * 111_111,
}


@pytest.mark.parametrize("accept", HUGE.values(), ids=HUGE)
def test_a_huge_field_is_read_in_linear_time(accept: str) -> None:
    for number in range(20):  # none of them remembered
        assert 0 <= quality(f"x/{number}," + accept, "text/html") <= 1


def test_the_cache_of_fields_is_bounded() -> None:
    for number in range(2000):
        assert quality(f"text/html;q=0.{number % 10}, a/{number}", "text/html") == number % 10 / 10
    information = negotiation._parse.cache_info()
    assert information.maxsize is not None
    assert information.currsize <= information.maxsize <= 1024


@given(st.text(alphabet='a/*,;="\\ q.01\xe9', max_size=60))
@DETERMINISTIC
def test_any_field_is_read_without_an_error(accept: str) -> None:
    wanted = quality(accept, "a/a")
    assert 0 <= wanted <= 1
    assert best_match(accept, ["a/a"]) == ("a/a" if wanted else None)
